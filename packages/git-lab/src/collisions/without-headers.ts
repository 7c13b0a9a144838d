import { SHAMBLES, SHATTERED } from "./published.ts";

/** What of the pack engine's kernel hashes with SHA-1; addresses and lengths in bytes. */
interface Hashing extends WebAssembly.Exports {
  readonly memory: WebAssembly.Memory;
  readonly sha1Many: (jobs: number, count: number, digests: number, detect: number) => number;
  readonly sha1Start: (state: number, detect: number) => void;
  readonly sha1Update: (state: number, at: number, length: number) => void;
}

/** What kernels have been asked since. */
export interface HeaderlessHashing {
  /** Whether attacks were to be looked for, of all that was hashed; a set, as they are told in no fixed order. */
  readonly asked: Set<boolean>;
}

/** The flags of node under which `hashWithoutHeaders` holds for a process or a thread from its start. */
export const headerlessFlags: readonly string[] = [
  new URL("../../../../scripts/typescript-threads.js", import.meta.url),
  new URL("./preload.ts", import.meta.url),
].flatMap(({ href }) => ["--import", href]);

const COLLIDING = [...SHATTERED.messages, ...SHAMBLES.messages];
/** In front of an object's content (git-hash-object). */
const HEADER = /^(?:blob|tree|commit|tag) \d+\0/;
const MAX_HEADER_BYTES = 32;

/**
 * Makes the published collisions ones of git's objects. They collide as they are and not behind `"blob 320\0"`, and
 * nobody has published one that does. So every kernel that is made in this thread from now on leaves the header out
 * where it looks for attacks in an object that starts with one of them; all else it does as ever, and what it finds in
 * the blocks it does find. Objects that come in pieces lose their headers, whatever they are.
 */
export function hashWithoutHeaders(): HeaderlessHashing {
  const { Instance } = WebAssembly;
  const asked = new Set<boolean>();
  WebAssembly.Instance = function (module: WebAssembly.Module, imports?: WebAssembly.Imports) {
    const { exports } = new Instance(module, imports);
    return { exports: "sha1Many" in exports ? wrapped(exports as Hashing, asked) : exports };
  } as unknown as typeof Instance;
  return { asked };
}

function wrapped(kernel: Hashing, asked: Set<boolean>): Hashing {
  const { memory } = kernel;
  const bytesAt = (at: number, length: number): Buffer => Buffer.from(memory.buffer, at, length);
  return {
    ...kernel,
    sha1Many(jobs, count, digests, detect) {
      asked.add(detect !== 0);
      const words = new Uint32Array(memory.buffer, jobs, 2 * count);
      for (let i = 0; detect !== 0 && i < words.length; i += 2) {
        const object = bytesAt(words[i]!, words[i + 1]!);
        const headerBytes = headerOf(object);
        const content = object.subarray(headerBytes);
        if (!COLLIDING.some((message) => message.equals(content.subarray(0, message.length)))) continue;
        words[i]! += headerBytes;
        words[i + 1]! -= headerBytes;
      }
      return kernel.sha1Many(jobs, count, digests, detect);
    },
    sha1Start(state, detect) {
      asked.add(detect !== 0);
      kernel.sha1Start(state, detect);
    },
    sha1Update(state, at, length) {
      if (headerOf(bytesAt(at, length)) !== length) kernel.sha1Update(state, at, length);
    },
  };
}

function headerOf(object: Buffer): number {
  return HEADER.exec(object.toString("latin1", 0, MAX_HEADER_BYTES))?.[0].length ?? 0;
}
