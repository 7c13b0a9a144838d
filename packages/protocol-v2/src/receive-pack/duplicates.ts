import type { RefCommand, ReceiveReport } from "../host.ts";
import { printable } from "../printable.ts";

/** Commands that may go to the host, and those that are refused because they name a ref that another names too. */
export interface SortedCommands {
  readonly accepted: readonly RefCommand[];
  /** By ref, the words behind `ng <ref> `. */
  readonly refused: ReadonlyMap<string, string>;
  /** Lines for the user. */
  readonly messages: readonly string[];
}

/**
 * Refuses refs that one push names more than once, in the words of git's ref transactions; of an atomic push nothing
 * is left then.
 */
export function refuseDuplicates(commands: readonly RefCommand[], atomic: boolean): SortedCommands {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { name } of commands) {
    if (seen.has(name)) twice.add(name);
    seen.add(name);
  }
  if (twice.size === 0) return { accepted: commands, refused: new Map(), messages: [] };
  const reason = (name: string): string => `multiple updates for ref '${printable(name)}' not allowed`;
  const messages = [...twice].map((name) => `error: ${reason(name)}`);
  if (atomic) {
    return {
      accepted: [],
      refused: new Map([...seen].map((name) => [name, "atomic transaction failed"])),
      messages,
    };
  }
  return {
    accepted: commands.filter(({ name }) => !twice.has(name)),
    refused: new Map([...twice].map((name) => [name, reason(name)])),
    messages,
  };
}

/** Everything that is to be told about a push, a line for each command in its order. */
export function completeReport(
  commands: readonly RefCommand[],
  sorted: SortedCommands,
  told: ReceiveReport,
): ReceiveReport {
  const answers = new Map(told.refs.map((ref) => [ref.name, ref.error]));
  const fallback = told.unpackError === undefined ? undefined : "unpacker error";
  return {
    unpackError: told.unpackError,
    messages: [...sorted.messages, ...(told.messages ?? [])],
    refs: commands.map(({ name }) => {
      const refused = sorted.refused.get(name);
      if (refused !== undefined) return { name, error: refused };
      if (!answers.has(name)) return { name, error: fallback ?? "no answer for this ref" };
      return { name, error: answers.get(name) ?? fallback };
    }),
  };
}
