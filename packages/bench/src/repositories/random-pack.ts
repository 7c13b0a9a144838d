import { createCipheriv, createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { deflateSync } from "node:zlib";
import type { PushedPack } from "../wire/push.ts";

const BLOB_BYTES = 1024 * 1024;
const KINDS = { commit: 1, tree: 2, blob: 3 } as const;

/** Writes a pack of so many incompressible blobs of 1 MiB each, the same in every run, with one tree and one commit. */
export async function writeRandomPack(packPath: string, blobs: number): Promise<PushedPack> {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 1), Buffer.alloc(16));
  const zeros = Buffer.alloc(BLOB_BYTES);
  const file = await open(packPath, "w");
  const trailer = createHash("sha1");
  const write = async (bytes: Buffer): Promise<void> => {
    trailer.update(bytes);
    await file.writeFile(bytes);
  };
  const header = Buffer.from("PACK\0\0\0\u0002\0\0\0\0", "latin1");
  header.writeUInt32BE(blobs + 2, 8);
  await write(header);
  const entries: Buffer[] = [];
  for (let i = 0; i < blobs; i++) {
    const content = cipher.update(zeros);
    entries.push(Buffer.from(`100644 f${String(i).padStart(6, "0")}\0`), objectId("blob", content));
    await write(packEntry(KINDS.blob, content));
  }
  const tree = Buffer.concat(entries);
  await write(packEntry(KINDS.tree, tree));
  const person = "A U Thor <author@example.com> 1700000000 +0000";
  const commit = Buffer.from(
    `tree ${objectId("tree", tree).toString("hex")}\nauthor ${person}\ncommitter ${person}\n\nrandom\n`,
  );
  await write(packEntry(KINDS.commit, commit));
  await file.writeFile(trailer.digest());
  await file.close();
  return { packPath, refs: [{ name: "refs/heads/main", oid: objectId("commit", commit).toString("hex") }] };
}

function objectId(type: string, content: Uint8Array): Buffer {
  return createHash("sha1").update(`${type} ${content.length}\0`).update(content).digest();
}

/** An entry whose content is stored, which is what deflate makes of random bytes (gitformat-pack). */
function packEntry(kind: number, content: Uint8Array): Buffer {
  const head: number[] = [];
  let rest = Math.floor(content.length / 16);
  head.push((kind << 4) | (content.length & 15) | (rest > 0 ? 0x80 : 0));
  for (; rest > 0; rest = Math.floor(rest / 128)) head.push((rest & 0x7f) | (rest > 127 ? 0x80 : 0));
  return Buffer.concat([Buffer.from(head), deflateSync(content, { level: 0 })]);
}
