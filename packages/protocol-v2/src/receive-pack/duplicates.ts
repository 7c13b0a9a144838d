import type { RefCommand, ReceiveReport, RefReport } from "../host.ts";
import { printable } from "../printable.ts";

/** Commands that may go to the host, and those that are refused because they name a ref that another names too. */
export interface SortedCommands {
  readonly accepted: readonly RefCommand[];
  /** The words behind `ng <ref> `. */
  readonly refused: ReadonlyMap<RefCommand, string>;
  /** Lines for the user. */
  readonly messages: readonly string[];
}

/**
 * Sorts out refs that one push names more than once: the first command for a ref counts and the others fail, as they
 * do in git once the first has moved the ref; of an atomic push nothing is left then.
 */
export function refuseDuplicates(commands: readonly RefCommand[], atomic: boolean): SortedCommands {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  const accepted: RefCommand[] = [];
  const refused = new Map<RefCommand, string>();
  for (const command of commands) {
    if (seen.has(command.name)) {
      repeated.add(command.name);
      refused.set(command, "failed to update ref");
    } else accepted.push(command);
    seen.add(command.name);
  }
  const messages = [...repeated].map(
    (name) => `error: multiple updates for ref '${printable(name)}' not allowed`,
  );
  if (!atomic || repeated.size === 0) return { accepted, refused, messages };
  const all = commands.map((command) => [command, "atomic transaction failed"] as const);
  return { accepted: [], refused: new Map(all), messages };
}

/** Everything that is to be told about a push, a line for each command in its order. */
export function completeReport(
  commands: readonly RefCommand[],
  sorted: SortedCommands,
  told: ReceiveReport,
): ReceiveReport {
  const answers = new Map(told.refs.map((ref) => [ref.name, ref]));
  const fallback = told.unpackError === undefined ? undefined : "unpacker error";
  return {
    unpackError: told.unpackError,
    messages: [...sorted.messages, ...(told.messages ?? [])],
    refs: commands.map((command): RefReport => {
      const { name } = command;
      const refused = sorted.refused.get(command);
      if (refused !== undefined) return { name, error: refused };
      const answer = answers.get(name);
      if (answer === undefined) return { name, error: fallback ?? "no answer for this ref" };
      return { name, error: answer.error ?? fallback, landed: answer.landed };
    }),
  };
}
