import assert from "node:assert/strict";
import type { ObjectFormat } from "@millrace/pack";
import type {
  CommitRequest,
  CommitResult,
  Ref,
  RefQuery,
  RepositoryStore,
  Snapshot,
  Stage,
  Storage,
} from "../contract.ts";
import { makeTinyPack, type TinyPack } from "./tiny-pack.ts";

/** Uploads a pack in odd pieces and seals it. */
export async function stagePack(store: RepositoryStore, pack: TinyPack): Promise<Stage> {
  const stage = await store.stage();
  const trailerBytes = pack.id.length / 2;
  const body = pack.bytes.subarray(0, pack.bytes.length - trailerBytes);
  for (let at = 0; at < body.length; at += 37) await stage.write(body.slice(at, at + 37));
  await stage.sidecar("idx", pack.idx);
  await stage.sidecar("rev", pack.rev);
  await stage.seal({ header: pack.bytes.slice(0, 12), trailer: pack.bytes.slice(body.length) });
  return stage;
}

/** Commits a pack and disposes its stage. */
export async function push(
  store: RepositoryStore,
  pack: TinyPack,
  request: CommitRequest,
): Promise<CommitResult> {
  const stage = await stagePack(store, pack);
  try {
    return await store.commit({ ...request, add: [stage] });
  } finally {
    await stage[Symbol.asyncDispose]();
  }
}

/** A repository with one pack and these refs, all at its commit. */
export async function createFilled(
  storage: Storage,
  name: string,
  refs: readonly string[] = ["refs/heads/main"],
  format: ObjectFormat = "sha1",
): Promise<{ store: RepositoryStore; pack: TinyPack }> {
  const store = await storage.create(name, { objectFormat: format });
  const pack = await makeTinyPack(name, format);
  const result = await push(store, pack, {
    refs: refs.map((ref) => ({ name: ref, old: null, new: pack.commit })),
  });
  assert.deepEqual(
    codesOf(result),
    refs.map(() => undefined),
  );
  return { store, pack };
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

/** Everything an async iterable gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The refs as they are now. */
export async function readRefs(store: RepositoryStore, query?: RefQuery): Promise<Ref[]> {
  return withSnapshot(store, (view) => collect(view.refs(query)));
}

/** The refs as they are now, as `name oid`. */
export async function refLines(store: RepositoryStore, query?: RefQuery): Promise<string[]> {
  return (await readRefs(store, query)).map(({ name, oid }) => `${name} ${oid}`);
}

/** The ids of the packs as they are now. */
export async function packIds(store: RepositoryStore): Promise<string[]> {
  return withSnapshot(store, async (view) => (await view.packs()).map(({ id }) => id));
}

/** The code of each refusal. */
export function codesOf(result: CommitResult): (string | undefined)[] {
  return result.refs.map((refusal) => refusal?.code);
}

/** Asserts that an operation fails with this code. */
export async function rejectsWith(code: string, operation: () => Promise<unknown>): Promise<void> {
  await assert.rejects(operation, (error) => {
    assert.equal((error as { code?: unknown }).code, code, String(error));
    return true;
  });
}
