import { createCipheriv } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { randomPush } from "@millrace/scenarios/random-pack";
import type { PushedPack } from "../wire/push.ts";

/** Writes a pack of so many incompressible blobs of 1 MiB each, the same in every run, with one tree and one commit. */
export async function writeRandomPack(packPath: string, blobs: number): Promise<PushedPack> {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 1), Buffer.alloc(16));
  const { pack, commit } = randomPush(blobs, (length) => cipher.update(Buffer.alloc(length)));
  await writeFile(packPath, pack);
  return { packPath, refs: [{ name: "refs/heads/main", oid: await commit }] };
}
