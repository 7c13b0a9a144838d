import { PackError } from "../errors.ts";
import type { PackSink, RandomAccess } from "../random-access.ts";
import type { LinkFragment } from "./link-fragment.ts";

/** Keeps fragments of links until the graph is built: a little in memory, the rest in a scratch file where there is one. */
export interface LinkStore {
  /** Takes a fragment, whose arrays are the store's from then on. */
  add(this: void, fragment: LinkFragment): void;
  /** A promise while more waits to be written than is kept in memory; throws what writing throws. */
  settle(): Promise<void> | undefined;
  /** All fragments, as often as they are asked for, each valid until the next; nothing may be added any more. */
  readonly fragments: AsyncIterable<LinkFragment>;
}

/** Where a fragment lies in the scratch file: its words, then its ids. */
interface StoredFragment {
  readonly at: number;
  readonly wordBytes: number;
  readonly oidBytes: number;
}

/** Kept in memory, so that a small push needs no file. */
const HELD_BYTES = 4 * 1024 * 1024;

/** Makes a store; `openScratch` is asked for a file when there is too much to hold. */
export function createLinkStore(openScratch: (() => Promise<PackSink>) | undefined): LinkStore {
  const held: LinkFragment[] = [];
  const stored: StoredFragment[] = [];
  let heldBytes = 0;
  let storedBytes = 0;
  let scratch: PackSink | undefined;
  let writing: Promise<void> | undefined;

  async function writeOut(open: () => Promise<PackSink>): Promise<void> {
    scratch ??= await open();
    for (let fragment = held.shift(); fragment !== undefined; fragment = held.shift()) {
      const wordBytes = bytesOf(fragment.words);
      await scratch.write(wordBytes);
      await scratch.write(fragment.oids);
      const oidBytes = fragment.oids.length;
      stored.push({ at: storedBytes, wordBytes: wordBytes.length, oidBytes });
      storedBytes += wordBytes.length + oidBytes;
      heldBytes -= wordBytes.length + oidBytes;
    }
    writing = undefined;
  }

  return {
    add(fragment) {
      held.push(fragment);
      heldBytes += fragment.words.byteLength + fragment.oids.length;
      if (heldBytes <= HELD_BYTES || writing !== undefined || openScratch === undefined) return;
      writing = writeOut(openScratch);
      // Whoever settles is told of a fault.
      writing.catch(() => undefined);
    },
    settle: () => writing,
    fragments: {
      async *[Symbol.asyncIterator]() {
        await writing;
        if (stored.length > 0) yield* readStored(stored, await scratch!.open());
        yield* held;
      },
    },
  };
}

async function* readStored(
  stored: readonly StoredFragment[],
  source: RandomAccess,
): AsyncGenerator<LinkFragment> {
  let largest = 0;
  for (const { wordBytes, oidBytes } of stored) largest = Math.max(largest, wordBytes + oidBytes);
  const buffer = new Uint8Array(largest);
  for (const { at, wordBytes, oidBytes } of stored) {
    const bytes = buffer.subarray(0, wordBytes + oidBytes);
    if ((await readInto(source, bytes, at)) < bytes.length)
      throw new PackError("PACK_TRUNCATED", "the scratch file is shorter than what was written");
    const words = new Uint32Array(buffer.buffer, 0, wordBytes / 4);
    yield { words, oids: bytes.subarray(wordBytes) };
  }
}

async function readInto(source: RandomAccess, target: Uint8Array, at: number): Promise<number> {
  if (source.readInto !== undefined) return source.readInto([target], at);
  const bytes = await source.read(at, target.length);
  target.set(bytes);
  return bytes.length;
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
