import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RepositoryStore, Snapshot } from "@millrace/storage";

/** Runs `use` in a directory of its own and removes it. */
export async function inScratch<T>(use: (root: string) => Promise<T>): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), "millrace-fs-"));
  try {
    return await use(root);
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Everything an async iterable gives. */
export async function collect<T>(items: Iterable<T> | AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Runs `use` on a snapshot and disposes it. */
export async function withSnapshot<T>(
  store: RepositoryStore,
  use: (view: Snapshot) => Promise<T>,
): Promise<T> {
  const view = await store.snapshot();
  try {
    return await use(view);
  } finally {
    await view[Symbol.asyncDispose]();
  }
}

/** The refs as `oid name`, as `git for-each-ref --format='%(objectname) %(refname)'` prints them. */
export async function refLines(store: RepositoryStore): Promise<string[]> {
  return withSnapshot(store, async (view) =>
    (await collect(view.refs())).map(({ oid, name }) => `${oid} ${name}`),
  );
}
