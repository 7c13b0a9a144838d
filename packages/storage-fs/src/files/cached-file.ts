import { open, stat } from "node:fs/promises";
import { ifPresent } from "./fault.ts";

/** A file that is read again only when it has changed. */
export interface CachedFile<T> {
  /** What the file holds now, parsed; `undefined` where it does not exist. */
  read(path: string): Promise<T | undefined>;
}

interface Version<T> {
  readonly path: string;
  readonly signature: string;
  /** The file was not so young when it was read that a change since could have left its times alone. */
  readonly settled: boolean;
  readonly value: T;
}

/** Clocks of file systems tick every few milliseconds, those of network file systems every two seconds at worst. */
const SETTLED_MS = 2_100;

/**
 * Keeps the parsed content of the last version of a file, told from others by device, inode, size and times, as git's
 * stat validity does. `parse` gets the whole content and may keep it.
 */
export function createCachedFile<T>(parse: (bytes: Buffer) => T): CachedFile<T> {
  let last: Version<T> | undefined;
  return {
    async read(path) {
      const current = last;
      if (current?.settled === true && current.path === path) {
        const signature = await ifPresent(signatureOf(() => stat(path, { bigint: true })));
        if (signature?.text === current.signature) return current.value;
      }
      const handle = await ifPresent(open(path, "r"));
      if (handle === undefined) return undefined;
      try {
        const signature = await signatureOf(() => handle.stat({ bigint: true }));
        if (current?.path === path && current.signature === signature.text && current.settled)
          return current.value;
        const value = parse(await handle.readFile());
        last = {
          path,
          signature: signature.text,
          settled: Date.now() - signature.changedMs > SETTLED_MS,
          value,
        };
        return value;
      } finally {
        await handle.close();
      }
    },
  };
}

async function signatureOf(
  read: () => Promise<{
    dev: bigint;
    ino: bigint;
    size: bigint;
    mtimeNs: bigint;
    ctimeNs: bigint;
    ctimeMs: bigint;
  }>,
): Promise<{ text: string; changedMs: number }> {
  const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = await read();
  return { text: `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`, changedMs: Number(ctimeMs) };
}
