import type { GrepHit } from "@millrace/promisor";
import { type BrowseStreams, browse, writeLine } from "./browse.ts";

/** What `millrace grep` looks for. */
export interface GrepFlags {
  readonly ignoreCase?: boolean | undefined;
  /** The pattern is an expression. */
  readonly regexp?: boolean | undefined;
  readonly context?: string | undefined;
  readonly maxCount?: string | undefined;
}

/** `millrace grep`: lines that match, as `git grep -n` prints them. Answers whether there were any. */
export function grep(
  address: string,
  pattern: string,
  paths: string | undefined,
  flags: GrepFlags,
  streams: BrowseStreams,
): Promise<boolean> {
  const around = numberOf("--context", flags.context) ?? 0;
  const query = {
    pattern: flags.regexp === true ? new RegExp(pattern) : pattern,
    paths,
    ignoreCase: flags.ignoreCase,
    before: around,
    after: around,
    maxCount: numberOf("--max-count", flags.maxCount),
  };
  return browse(address, streams, async ({ view, signal }) => {
    const printer = createPrinter((line) => writeLine(streams.output, line), around > 0);
    for await (const hit of view.grep(query, { signal })) await printer.print(hit);
    await printer.end();
    return printer.hasPrinted;
  });
}

/** Prints hits with the lines around them, each line once, as git does: `:` marks a hit, `-` a line beside one. */
function createPrinter(
  print: (line: string) => Promise<void>,
  separates: boolean,
): { print(hit: GrepHit): Promise<void>; end(): Promise<void>; readonly hasPrinted: boolean } {
  /** The last line that was printed, and those behind it that follow unless they are hits themselves. */
  let last: { path: string; line: number; waiting: readonly string[] } | undefined;
  /** Prints what waits, up to and without the line `until`. */
  const follow = async (until: number): Promise<void> => {
    if (last === undefined) return;
    for (const text of last.waiting) {
      if (last.line + 1 >= until) break;
      last.line++;
      await print(`${last.path}-${last.line}-${text}`);
    }
    last.waiting = [];
  };
  return {
    async print({ path, line, before, text, after }) {
      await follow(last?.path === path ? line : Number.POSITIVE_INFINITY);
      const first = line - before.length;
      const isNear = last?.path === path && first <= last.line + 1;
      if (separates && last !== undefined && !isNear) await print("--");
      const printedTo = isNear ? (last?.line ?? 0) : 0;
      for (const [at, words] of before.entries()) {
        if (first + at > printedTo) await print(`${path}-${first + at}-${words}`);
      }
      await print(`${path}:${line}:${text}`);
      last = { path, line, waiting: after };
    },
    end: () => follow(Number.POSITIVE_INFINITY),
    get hasPrinted() {
      return last !== undefined;
    },
  };
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${name} takes a whole number, not ${JSON.stringify(text)}`);
  return Number(text);
}
