import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { runSync } from "@millrace/git-lab";
import { gitEnvironment } from "./git.ts";

/** Entry kinds of a pack (gitformat-pack). */
export const kinds = { commit: 1, tree: 2, blob: 3, tag: 4, refDelta: 7 } as const;

/** Entries to be put in a pack by hand; `base` is the hex id of a REF_DELTA's base. */
export interface RawEntry {
  readonly kind: number;
  readonly content: Uint8Array;
  readonly base?: string | undefined;
}

/** Puts a pack together by hand, without a look at what is in it. */
export function rawPack(entries: readonly RawEntry[], claimedCount: number = entries.length): Buffer {
  const header = Buffer.from("PACK\0\0\0\u0002\0\0\0\0", "latin1");
  header.writeUInt32BE(claimedCount, 8);
  const body = Buffer.concat([
    header,
    ...entries.flatMap(({ kind, content, base }) => [
      entryHeader(kind, content.length),
      Buffer.from(base ?? "", "hex"),
      deflateSync(content),
    ]),
  ]);
  return Buffer.concat([body, createHash("sha1").update(body).digest()]);
}

/** Replaces a pack's trailer by the right one, so that only what is inside is wrong. */
export function resealed(pack: Uint8Array): Buffer {
  const body = pack.subarray(0, pack.length - 20);
  return Buffer.concat([body, createHash("sha1").update(body).digest()]);
}

/** All objects of a repository, or those behind some revisions, as the real git packs them. */
export function packOf(cwd: string, revisions: readonly string[] = ["--all"], ...flags: string[]): Buffer {
  const { status, stdout, stderr } = runSync("git", ["pack-objects", "--revs", "--stdout", "-q", ...flags], {
    cwd,
    env: gitEnvironment,
    input: `${revisions.join("\n")}\n`,
  });
  if (status !== 0) throw new Error(String(stderr));
  return stdout;
}

function entryHeader(kind: number, size: number): Buffer {
  const bytes: number[] = [];
  let rest = Math.floor(size / 16);
  bytes.push((kind << 4) | (size & 15) | (rest > 0 ? 0x80 : 0));
  while (rest > 0) {
    const byte = rest & 0x7f;
    rest = Math.floor(rest / 128);
    bytes.push(byte | (rest > 0 ? 0x80 : 0));
  }
  return Buffer.from(bytes);
}
