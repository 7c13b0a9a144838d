import type { Config } from "../policy/config-values.ts";

/** Whether a ref is kept from clients. */
export type IsHidden = (name: string) => boolean;

/** The service that asks; each has patterns of its own besides `transfer.hideRefs`. */
export type HidingService = "uploadpack" | "receive";

/**
 * Reads `transfer.hideRefs` and the service's own `hideRefs` (git-config). A pattern hides the ref of its name and all
 * below it, `!` in front shows them again, and of several that match the last one counts. `^` (match the full name,
 * namespace included) makes no difference without namespaces. `undefined`: nothing is hidden.
 */
export function hiddenRefs(config: Config, service: HidingService): IsHidden | undefined {
  // The file's order counts, of which a configuration keeps that of the keys.
  const keys = new Set(["transfer.hiderefs", `${service}.hiderefs`]);
  const texts = [...config].flatMap(([key, values]) => (keys.has(key) ? values : []));
  if (texts.length === 0) return undefined;
  const rules = texts.map(parseRule).toReversed();
  return (name) => rules.find(({ prefix }) => isAtOrBelow(name, prefix))?.hides ?? false;
}

function parseRule(text: string): { readonly prefix: string; readonly hides: boolean } {
  const hides = !text.startsWith("!");
  const pattern = hides ? text : text.slice(1);
  return { hides, prefix: pattern.replace(/^\^/, "").replace(/\/+$/, "") };
}

function isAtOrBelow(name: string, prefix: string): boolean {
  return name.startsWith(prefix) && (name.length === prefix.length || name[prefix.length] === "/");
}
