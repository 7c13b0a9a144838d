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
  const seen = new Map<string, RefCommand>();
  const repeated = new Map<string, RefCommand>();
  const accepted: RefCommand[] = [];
  const refused = new Map<RefCommand, string>();
  for (const command of commands) {
    const first = seen.get(command.name);
    if (first === undefined) {
      seen.set(command.name, command);
      accepted.push(command);
      continue;
    }
    repeated.set(command.name, command);
    refused.set(command, "failed to update ref");
  }
  const messages = [...repeated].map(([name, command]) => {
    const ref = `'${printable(name)}'`;
    const why = atomic ? undefined : whyStale(command, seen.get(name) as RefCommand, ref);
    return why === undefined
      ? `error: multiple updates for ref ${ref} not allowed`
      : `error: cannot lock ref ${ref}: ${why}`;
  });
  if (!atomic || repeated.size === 0) return { accepted, refused, messages };
  const all = commands.map((command) => [command, "atomic transaction failed"] as const);
  return { accepted: [], refused: new Map(all), messages };
}

/** What git says of the second command once the first has moved the ref; `undefined` where it would go on from there. */
function whyStale({ old }: RefCommand, { new: current }: RefCommand, ref: string): string | undefined {
  if (old === current) return undefined;
  if (old === null) return "reference already exists";
  return current === null ? `unable to resolve reference ${ref}` : `is at ${current} but expected ${old}`;
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
