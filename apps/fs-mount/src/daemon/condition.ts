import type { Phase } from "./schema.ts";

/** What is the matter with a mount that somebody waits for. */
export interface Fault {
  /** With the mount itself, or with looking at the remote repository. */
  readonly of: "mount" | "refresh";
  /** Without secrets. */
  readonly message: string;
}

/** How it stands with one repository. It is a value: `after` makes the next one. */
export interface Condition {
  readonly phase: Phase;
  /** Whether it is to be mounted. */
  readonly wanted: boolean;
  /** Whether it is. */
  readonly mounted: boolean;
  /** Why the phase is `failed`. */
  readonly error?: string | undefined;
  readonly mountFault?: string | undefined;
  readonly refreshFault?: string | undefined;
}

/** What is told of it. */
export type State = "preparing" | "ready" | "failed" | "mounted" | "unmounted" | "degraded";

/** What happens to it. */
export type Happening =
  | { readonly what: "asked-for" }
  | { readonly what: "given-up" }
  | { readonly what: "preparing" }
  | { readonly what: "prepared" }
  | { readonly what: "not-prepared"; readonly error: string }
  | { readonly what: "mounted" }
  | { readonly what: "not-mounted"; readonly error: string }
  /** The mount is gone, and nobody here has taken it away. */
  | { readonly what: "lost"; readonly error: string }
  | { readonly what: "unmounted" }
  | { readonly what: "refreshed" }
  | { readonly what: "not-refreshed"; readonly error: string };

/** The condition of what was just registered. */
export const UNPREPARED: Condition = { phase: "preparing", wanted: true, mounted: false };

/** What a condition becomes. What cannot happen to it, as it is, changes nothing. */
export function after(condition: Condition, happening: Happening): Condition {
  const { phase, mounted } = condition;
  switch (happening.what) {
    case "asked-for":
      return { ...condition, wanted: true };
    case "given-up":
      return { ...condition, wanted: false };
    case "preparing":
      // What is mounted is prepared.
      return mounted ? condition : { wanted: condition.wanted, mounted, phase: "preparing" };
    case "prepared":
      return phase === "preparing" ? { ...condition, phase: "ready", error: undefined } : condition;
    case "not-prepared":
      return phase === "preparing" ? { ...condition, phase: "failed", error: happening.error } : condition;
    case "mounted":
      return phase === "ready" ? { ...condition, mounted: true, mountFault: undefined } : condition;
    case "not-mounted":
      return mounted ? condition : { ...condition, mountFault: happening.error };
    case "lost":
      return mounted
        ? { ...condition, mounted: false, mountFault: happening.error, refreshFault: undefined }
        : condition;
    case "unmounted":
      return { ...condition, mounted: false, mountFault: undefined, refreshFault: undefined };
    case "refreshed":
      return { ...condition, refreshFault: undefined };
    default:
      happening.what satisfies "not-refreshed";
      return mounted ? { ...condition, refreshFault: happening.error } : condition;
  }
}

/** The one word for a condition. */
export function stateOf({ phase, wanted, mounted, mountFault, refreshFault }: Condition): State {
  if (mounted) return refreshFault === undefined ? "mounted" : "degraded";
  if (phase !== "ready") return phase;
  if (!wanted) return "unmounted";
  return mountFault === undefined ? "ready" : "degraded";
}

/** What is the matter, where the state is `degraded`. */
export function faultOf({ mounted, mountFault, refreshFault }: Condition): Fault | undefined {
  if (!mounted && mountFault !== undefined) return { of: "mount", message: mountFault };
  if (mounted && refreshFault !== undefined) return { of: "refresh", message: refreshFault };
  return undefined;
}
