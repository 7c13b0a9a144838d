import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { runSync } from "@millrace/git-lab";
import {
  createBlockCache,
  createByteCache,
  createFsckSession,
  createHasher,
  encodeEntryHeader,
  encodePackHeader,
  indexPack,
  type IndexPackOptions,
  type ObjectFormat,
  openPackIndex,
  openPackReader,
  PackError,
  type PackErrorCode,
  type PackReader,
  type PackSink,
  type RandomAccess,
} from "../../src/index.ts";

const environment = {
  ...process.env,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "A U Thor",
  GIT_AUTHOR_EMAIL: "author@example.com",
  GIT_AUTHOR_DATE: "1700000000 +0000",
  GIT_COMMITTER_NAME: "C O Mitter",
  GIT_COMMITTER_EMAIL: "committer@example.com",
  GIT_COMMITTER_DATE: "1700000000 +0000",
};

/** Runs git and answers what it printed. */
export function git(dir: string, args: readonly string[], input?: string | Uint8Array): Buffer {
  const { status, stdout, stderr } = runSync("git", args, { cwd: dir, env: environment, input });
  if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr.toString()}`);
  return stdout;
}

/** A new temporary folder. */
export function makeFolder(): Promise<string> {
  return fs.mkdtemp(path.join(os.tmpdir(), "millrace-pack-"));
}

/** Pseudo-random bytes, the same for the same seed. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed * 2654435761 + 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Makes a bare repository with a history whose files delta well, a few large blobs, an empty one and a tag. */
export function makeRepository(dir: string, format: ObjectFormat, commitCount: number): void {
  git(dir, ["init", "-q", "--bare", `--object-format=${format}`, "--initial-branch=main", "."]);
  const parts: Buffer[] = [];
  const put = (text: string): void => void parts.push(Buffer.from(text));
  const file = (name: string, content: Uint8Array): void => {
    put(`M 100644 inline ${name}\ndata ${content.length}\n`);
    parts.push(Buffer.from(content));
    put("\n");
  };
  const lines = Array.from(
    { length: 300 },
    (_, i) => `line ${i} of a text that changes a little at a time\n`,
  );
  for (let commit = 0; commit < commitCount; commit++) {
    put(
      `commit refs/heads/main\nmark :${commit + 1}\ncommitter C <c@example.com> ${1700000000 + commit} +0000\ndata 9\nchange it\n`,
    );
    if (commit > 0) put(`from :${commit}\n`);
    lines[(commit * 37) % 300] = `line changed by commit ${commit}\n`;
    file("text", Buffer.from(lines.join("")));
    file(`dir/${commit % 7}/file`, Buffer.from(`${commit}\n${lines.slice(0, 50).join("")}`));
    if (commit === 0) {
      file("empty", new Uint8Array(0));
      file("noise", noise(300_000, 1));
      file("large", noise(2_500_000, 2));
    }
    if (commit === 1) file("noise", Buffer.concat([noise(300_000, 1), Buffer.from("and more\n")]));
    put("\n");
  }
  put(`tag v1\nfrom :${commitCount}\ntagger C <c@example.com> 1700000000 +0000\ndata 4\nv1.0\n`);
  git(dir, ["fast-import", "--quiet", "--done"], Buffer.concat([...parts, Buffer.from("done\n")]));
}

/** A pack of what `revisions` says, as `git pack-objects` makes it. */
export function packObjects(dir: string, flags: readonly string[], revisions: string): Uint8Array {
  // No Buffer: its `slice` shares memory, and tests damage copies.
  return new Uint8Array(
    git(dir, ["pack-objects", "--stdout", "-q", "--revs", "--threads=1", ...flags], revisions),
  );
}

/** What git makes of a pack; throws what git prints where it refuses it. */
export async function gitIndexPack(
  packBytes: Uint8Array,
  format: ObjectFormat,
  flags: readonly string[] = ["--strict"],
): Promise<{ idx: Uint8Array; rev: Uint8Array }> {
  const dir = await makeFolder();
  try {
    // A repository around it: outside of one, git knows no object format and checks fewer things.
    git(dir, ["init", "-q", "--bare", `--object-format=${format}`, "."]);
    await fs.writeFile(path.join(dir, "a.pack"), packBytes);
    git(dir, ["index-pack", "--rev-index", ...flags, "-o", "a.idx", "a.pack"]);
    return {
      idx: await fs.readFile(path.join(dir, "a.idx")),
      rev: await fs.readFile(path.join(dir, "a.rev")),
    };
  } finally {
    await fs.rm(dir, { recursive: true, force: true });
  }
}

/** Random access to bytes in memory. */
export function bytesAccess(bytes: Uint8Array): RandomAccess {
  return {
    sizeBytes: bytes.length,
    async read(offset, length, options) {
      options?.signal?.throwIfAborted();
      return bytes.slice(offset, offset + length);
    },
  };
}

/** A sink in memory. */
export interface MemorySink extends PackSink {
  bytes(): Uint8Array;
}

export function memorySink(): MemorySink {
  const pieces: Uint8Array[] = [];
  const bytes = (): Uint8Array => new Uint8Array(Buffer.concat(pieces));
  return {
    async write(piece) {
      pieces.push(piece.slice());
    },
    open: async () => bytesAccess(bytes()),
    bytes,
  };
}

/** A sink with a file that other threads can read. */
export async function fileSink(path: string): Promise<PackSink & AsyncDisposable> {
  const handle = await fs.open(path, "w+");
  let sizeBytes = 0;
  return {
    async write(bytes) {
      await handle.appendFile(bytes);
      sizeBytes += bytes.length;
    },
    open: async (): Promise<RandomAccess> => ({
      sizeBytes,
      fd: handle.fd,
      async read(offset, length) {
        const buffer = new Uint8Array(Math.min(length, sizeBytes - offset));
        await handle.read(buffer, 0, buffer.length, offset);
        return buffer;
      },
    }),
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** The finished pack: header over the first bytes, trailer behind. */
export function finishedPack(
  sink: MemorySink,
  ends: { header: Uint8Array; trailer: Uint8Array },
): Uint8Array {
  const bytes = Buffer.concat([sink.bytes(), ends.trailer]);
  bytes.set(ends.header, 0);
  return new Uint8Array(bytes);
}

/** Cuts bytes into chunks. */
export function* chunked(bytes: Uint8Array, chunkBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

/** Everything an iterable gives, joined. */
export async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

/** A reader with caches of its own. */
export function readerOf(
  packBytes: Uint8Array,
  idx: Uint8Array,
  format: ObjectFormat,
  options: { blockBytes?: number; budgetBytes?: number } = {},
): PackReader {
  return openPackReader({
    source: bytesAccess(packBytes),
    index: openPackIndex(idx, format),
    bases: createByteCache({ budgetBytes: options.budgetBytes ?? 1 << 24 }),
    blocks: createBlockCache({ budgetBytes: options.budgetBytes ?? 1 << 24, blockBytes: options.blockBytes }),
    entries: createByteCache({ budgetBytes: options.budgetBytes ?? 1 << 24 }),
  });
}

/** Puts entries together to a pack; each is a header and a packed content. */
export function buildPack(
  entries: readonly (readonly [header: Uint8Array, packed: Uint8Array])[],
  format: ObjectFormat = "sha1",
): Uint8Array {
  const body = Buffer.concat([encodePackHeader(entries.length), ...entries.flat()]);
  const hasher = createHasher(format);
  hasher.update(body);
  return new Uint8Array(Buffer.concat([body, hasher.digest()]));
}

/** The code of the fault that indexing a pack ends with, `undefined` for none; what is no `PackError` is thrown. */
export async function codeOf(
  pack: Uint8Array,
  options: Partial<IndexPackOptions> = {},
  chunkBytes = 1 << 16,
): Promise<PackErrorCode | undefined> {
  try {
    await indexPack(chunked(pack, chunkBytes), { format: "sha1", sink: memorySink(), ...options });
    return undefined;
  } catch (error) {
    if (!(error instanceof PackError)) throw error;
    return error.code;
  }
}

/** Everything that a push is put through: checks, links, collision detection. */
export function everything(format: ObjectFormat = "sha1"): Partial<IndexPackOptions> {
  const session = createFsckSession(format);
  return { withLinks: true, checks: { session, onFindings: () => {} } };
}

/** A delta that copies a whole base of less than 64 KiB and appends up to 127 bytes. */
export function appendingDelta(baseBytes: number, suffix: Uint8Array): Uint8Array {
  const varint = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)]);
  const copy = baseBytes === 0 ? [] : [0x80 | 0x10 | 0x20, baseBytes & 255, baseBytes >> 8];
  return Uint8Array.from([
    ...varint(baseBytes),
    ...varint(baseBytes + suffix.length),
    ...copy,
    ...(suffix.length > 0 ? [suffix.length, ...suffix] : []),
  ]);
}

export { encodeEntryHeader };
