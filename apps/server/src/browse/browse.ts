import { createPromisor, openTree, SharedPromisor, type TreeView } from "@millrace/promisor";
import { parseAddress } from "@millrace/protocol-v2/client";
import { openPlace } from "./place.ts";
import { createProgressBar } from "./progress-bar.ts";

/** Where a command writes. */
export interface BrowseStreams {
  readonly output: NodeJS.WritableStream;
  /** The progress bar, where it is a terminal. */
  readonly errors: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined };
}

/** A tree of a repository somewhere else, opened for one command. */
export interface Browsed {
  readonly objects: SharedPromisor;
  readonly view: TreeView;
  readonly signal: AbortSignal;
}

/** Opens what `URL[@REF]` names, runs a command on it, and closes it; SIGINT ends it early. Answers what the command does. */
export async function browse<Result>(
  address: string,
  { errors }: BrowseStreams,
  run: (browsed: Browsed) => Promise<Result>,
): Promise<Result> {
  const { repository, name } = parseAddress(address);
  const bar = createProgressBar(errors);
  const stop = new AbortController();
  const interrupt = (): void => stop.abort(new Error("interrupted"));
  process.once("SIGINT", interrupt);
  try {
    const { signal } = stop;
    await using place = await openPlace(repository, process.env, { signal, prompts: errors.isTTY });
    const { source, refs } = place;
    const objects = new SharedPromisor(
      await createPromisor({
        ...source,
        fetch: (wants, options) => source.fetch(wants, { ...options, onProgress: bar.show }),
      }),
    );
    const view = await openTree({ objects, refs }, name, { signal });
    return await run({ objects, view, signal });
  } finally {
    bar.clear();
    process.off("SIGINT", interrupt);
  }
}

/** Writes a line, at the reader's pace. */
export function writeLine(output: NodeJS.WritableStream, line: string): Promise<void> {
  return write(output, `${line}\n`);
}

/** Writes at the reader's pace; a reader that has left is no error. */
export function write(output: NodeJS.WritableStream, chunk: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    output.write(chunk, (error) => {
      if (error !== null && error !== undefined && (error as NodeJS.ErrnoException).code !== "EPIPE")
        reject(error);
      else resolve();
    });
  });
}
