import { createHash, randomBytes } from "node:crypto";
import { deflateSync } from "node:zlib";

const BLOB_BYTES = 1024 * 1024;

/** A push whose pack is made while it is sent. */
export interface RandomPush {
  readonly commit: Promise<string>;
  /** Header to trailer. */
  readonly pack: AsyncIterable<Uint8Array>;
}

/** The content of the next blob: so many bytes that do not compress, the caller's. */
export type RandomBytes = (length: number) => Buffer;

/** Makes a pack of incompressible blobs of 1 MiB each, with one tree and one commit, in bounded memory. */
export function randomPush(blobs: number, next: RandomBytes = randomBytes): RandomPush {
  let onCommit: (oid: string) => void = () => {};
  const commit = new Promise<string>((resolve) => (onCommit = resolve));
  return { commit, pack: generate(blobs, next, onCommit) };
}

async function* generate(
  blobs: number,
  next: RandomBytes,
  onCommit: (oid: string) => void,
): AsyncGenerator<Uint8Array> {
  const trailer = createHash("sha1");
  const emit = (bytes: Uint8Array): Uint8Array => {
    trailer.update(bytes);
    return bytes;
  };
  const header = Buffer.from("PACK\0\0\0\u0002\0\0\0\0", "latin1");
  header.writeUInt32BE(blobs + 2, 8);
  yield emit(header);
  const tree: Buffer[] = [];
  for (let i = 0; i < blobs; i++) {
    const content = next(BLOB_BYTES);
    const name = `f${String(i).padStart(6, "0")}`;
    tree.push(Buffer.from(`100644 ${name}\0`), objectId("blob", content));
    yield emit(entry(3, content));
  }
  const root = Buffer.concat(tree);
  yield emit(entry(2, root));
  const person = "A <a@example.com> 1700000000 +0000";
  const text = `tree ${objectId("tree", root).toString("hex")}\nauthor ${person}\ncommitter ${person}\n\nrandom\n`;
  const commit = Buffer.from(text);
  yield emit(entry(1, commit));
  onCommit(objectId("commit", commit).toString("hex"));
  yield trailer.digest();
}

function objectId(type: string, content: Uint8Array): Buffer {
  return createHash("sha1").update(`${type} ${content.length}\0`).update(content).digest();
}

/** An entry whose content is stored, not compressed: what deflate makes of random bytes. */
function entry(kind: number, content: Uint8Array): Buffer {
  const bytes: number[] = [];
  let rest = Math.floor(content.length / 16);
  bytes.push((kind << 4) | (content.length & 15) | (rest > 0 ? 0x80 : 0));
  for (; rest > 0; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | (rest > 127 ? 0x80 : 0));
  return Buffer.concat([Buffer.from(bytes), deflateSync(content, { level: 0 })]);
}
