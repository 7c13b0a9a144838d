import type { Phase } from "./schema.ts";

/** What is the matter with a mount that somebody waits for. */
export interface Fault {
  /** With the mount itself, with what it lacks still, or with looking at the remote repository. */
  readonly of: "mount" | "trees" | "refresh";
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
  /** Why trees or sizes have not come yet; that is tried again. */
  readonly treesFault?: string | undefined;
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
  /** All trees of what is mounted are here. */
  | { readonly what: "whole" }
  | { readonly what: "not-whole"; readonly error: string }
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
        ? {
            ...condition,
            mounted: false,
            mountFault: happening.error,
            refreshFault: undefined,
            treesFault: undefined,
          }
        : condition;
    case "unmounted":
      return {
        ...condition,
        mounted: false,
        mountFault: undefined,
        refreshFault: undefined,
        treesFault: undefined,
      };
    case "whole":
      return { ...condition, treesFault: undefined };
    case "not-whole":
      return phase === "ready" ? { ...condition, treesFault: happening.error } : condition;
    case "refreshed":
      return { ...condition, refreshFault: undefined };
    default:
      happening.what satisfies "not-refreshed";
      return mounted ? { ...condition, refreshFault: happening.error } : condition;
  }
}

/** The one word for a condition. */
export function stateOf(condition: Condition): State {
  const { phase, wanted, mounted, mountFault } = condition;
  if (mounted) return faultOf(condition) === undefined ? "mounted" : "degraded";
  if (phase === "failed") return phase;
  if (!wanted) return "unmounted";
  if (phase === "preparing") return phase;
  return mountFault === undefined ? "ready" : "degraded";
}

/** What is the matter, where the state is `degraded`. */
export function faultOf({ mounted, mountFault, treesFault, refreshFault }: Condition): Fault | undefined {
  if (!mounted && mountFault !== undefined) return { of: "mount", message: mountFault };
  if (mounted && treesFault !== undefined) return { of: "trees", message: treesFault };
  if (mounted && refreshFault !== undefined) return { of: "refresh", message: refreshFault };
  return undefined;
}
