import { randomUUID } from "node:crypto";
import type { OperationOptions } from "@millrace/pack";
import { StorageError } from "@millrace/storage";
import type { Bucket, WriteOutcome } from "./bucket.ts";

const RACERS = 8;
const PROOFS = 5;

/**
 * Proves on a fresh key that the store honours conditional writes: everything here rests on them, and stores that do not
 * know them answer as if all were well. A proof whose answers are lost is begun anew. Throws `STORAGE_UNSUPPORTED` with
 * what was seen, `STORAGE_IO` where answers are lost again and again.
 */
export async function proveConditions(
  bucket: Bucket,
  key: string,
  options: OperationOptions = {},
): Promise<void> {
  for (let count = 1; ; count++) {
    const lost = await proveOnce(bucket, key, options);
    if (lost === undefined) return;
    if (count < PROOFS) continue;
    throw new StorageError("STORAGE_IO", `bucket ${bucket.name}: no answer to what was written`, {
      cause: lost.cause,
      key,
    });
  }
}

/** Answers the write whose answer was lost, where that leaves all open. */
async function proveOnce(
  bucket: Bucket,
  key: string,
  { signal }: OperationOptions,
): Promise<{ readonly cause: unknown } | undefined> {
  const probe = `${key}${randomUUID()}`;
  const body = (text: string): Uint8Array => Buffer.from(`${text} ${randomUUID()}\n`);
  const write = (bytes: Uint8Array, etag: string | undefined): Promise<WriteOutcome> =>
    bucket.putIf("probe", probe, bytes, etag === undefined ? { isAbsent: true } : { etag }, { signal });
  const stored = async (): Promise<Uint8Array> => {
    const found = await bucket.get("probe", probe, { signal });
    if (found === undefined || found === "unchanged")
      throw missing("a key that was just written is not there");
    return found.bytes;
  };
  const missing = (what: string): StorageError =>
    new StorageError("STORAGE_UNSUPPORTED", `bucket ${bucket.name} cannot hold repositories: ${what}`, {
      key: probe,
    });

  try {
    const first = body("first");
    const made = await write(first, undefined);
    if (made.kind === "unknown") return made;
    if (made.kind !== "done") throw missing(`a new key was not written (${made.kind})`);
    const again = await write(body("again"), undefined);
    if (again.kind === "done" || !same(await stored(), first)) {
      throw missing("If-None-Match is ignored: it wrote over a key that was there");
    }
    const second = body("second");
    const replaced = await write(second, made.etag);
    if (replaced.kind === "unknown") return replaced;
    if (replaced.kind !== "done")
      throw missing(`If-Match with the right ETag was refused (${replaced.kind})`);
    const stale = await write(body("stale"), made.etag);
    if (stale.kind === "done" || !same(await stored(), second)) {
      throw missing("If-Match is ignored: it replaced another version than the one named");
    }
    const racing = await Promise.all(
      Array.from({ length: RACERS }, (_, i) => write(body(`${i}`), replaced.etag)),
    );
    const winners = racing.filter(({ kind }) => kind === "done").length;
    if (winners > 1) throw missing(`${winners} of ${RACERS} racing writers were told that they had won`);
    return undefined;
  } finally {
    // What is left of a probe is in nobody's way.
    await bucket.delete("probe", probe).catch(() => undefined);
  }
}

/**
 * Finds out on a fresh key whether the store deletes under a condition. Stores that do not know one delete anyway: then
 * the key is gone, and `false` is the answer.
 */
export async function provesDeletion(
  bucket: Bucket,
  key: string,
  { signal }: OperationOptions = {},
): Promise<boolean> {
  const probe = `${key}${randomUUID()}`;
  const write = (text: string): Promise<string> => bucket.put("probe", probe, Buffer.from(text), { signal });
  try {
    const old = await write("old");
    const now = await write("new");
    const stale = await bucket.deleteIf("probe", probe, old, { signal });
    if (stale.kind === "done" || (await bucket.get("probe", probe, { signal })) === undefined) return false;
    const right = await bucket.deleteIf("probe", probe, now, { signal });
    return right.kind === "done" && (await bucket.get("probe", probe, { signal })) === undefined;
  } finally {
    await bucket.delete("probe", probe).catch(() => undefined);
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
