import type { RepositoryConfig } from "@millrace/storage";

/** Whether a ref is kept from clients. */
export type IsHidden = (name: string) => boolean;

/** The service that asks; each has patterns of its own besides `transfer.hideRefs`. */
export type HidingService = "uploadpack" | "receive";

/**
 * Reads `transfer.hideRefs` and the service's own `hideRefs` (git-config). A pattern hides the ref of its name and all
 * below it, `!` in front shows them again, and of several that match the last one counts. `^` (match the full name,
 * namespace included) makes no difference without namespaces. `undefined`: nothing is hidden.
 */
export function hiddenRefs(config: RepositoryConfig, service: HidingService): IsHidden | undefined {
  // Lines of both keys count in the order of the file.
  const keys = new Set(["transfer.hiderefs", `${service}.hiderefs`]);
  const lines = config.entries.filter(({ key }) => keys.has(key));
  if (lines.length === 0) return undefined;
  const rules = lines.map(({ value }) => parseRule(value)).toReversed();
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
