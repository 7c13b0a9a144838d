import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A temporary folder that its disposal removes. */
export interface Scratch extends AsyncDisposable {
  readonly path: string;
}

/** Makes an empty temporary folder. */
export async function createScratch(): Promise<Scratch> {
  const path = await mkdtemp(join(tmpdir(), "millrace-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
}
