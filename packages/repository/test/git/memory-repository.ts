import type { OperationOptions } from "@millrace/pack";
import {
  openRepository,
  type PackRequest,
  type RefCommand,
  type Repository,
  type RepositoryView,
} from "../../src/index.ts";
import { createMemoryStorage, type RepositoryStore, type Snapshot, type Stage } from "@millrace/storage";
import type { GitRepository } from "./real-git.ts";

/** Pushes everything a real repository has into a repository in memory. */
export async function copyToMemory(source: GitRepository): Promise<Repository> {
  const storage = createMemoryStorage();
  const repository = openRepository(await storage.create("copy.git"));
  const refs = source.text(["for-each-ref", "--format=%(objectname) %(refname)"]).split("\n").filter(Boolean);
  const pack = source.run(["pack-objects", "--all", "--stdout", "--delta-base-offset", "-q"]);
  const commands = refs.map((line) => ({ name: line.slice(41), old: null, new: line.slice(0, 40) }));
  await receiveAll(repository, commands, pack);
  return repository;
}

/** Pushes all or nothing, and wants success. */
export async function receiveAll(
  repository: Repository,
  commands: readonly RefCommand[],
  pack: Uint8Array,
): Promise<void> {
  const receiver = await repository.openReceiver();
  const report = await receiver.receive({ commands, atomic: true, pack: chunksOf(pack) });
  await receiver[Symbol.asyncDispose]();
  const failed = report.refs.find(({ error }) => error !== undefined);
  if (report.unpackError !== undefined || failed !== undefined) {
    throw new Error(`${report.unpackError} ${failed?.name} ${failed?.error} ${report.messages.join("\n")}`);
  }
}

/** The pack of a request; by default of a client that has nothing. */
export async function packOf(
  view: RepositoryView,
  request: Pick<PackRequest, "wants"> & Partial<PackRequest>,
): Promise<Buffer> {
  const usual = { haves: [], thinPack: false, ofsDelta: true, includeTag: false };
  const chunks: Uint8Array[] = [];
  for await (const chunk of view.createPack({ ...usual, ...request })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Runs `fn` with a view that is closed afterwards. */
export async function withView<T>(
  repository: Repository,
  fn: (view: RepositoryView) => Promise<T>,
): Promise<T> {
  const view = await repository.openView();
  try {
    return await fn(view);
  } finally {
    await view[Symbol.asyncDispose]();
  }
}

export async function* chunksOf(bytes: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

/** The same store, which forgets the graphs that pushes bring: packs of other servers have none. */
export function withoutGraphs(store: RepositoryStore): RepositoryStore {
  return Object.create(store, {
    stage: {
      async value(options?: OperationOptions): Promise<Stage> {
        const stage = await store.stage(options);
        const { sidecar } = stage;
        stage.sidecar = async (kind, bytes) => {
          if (kind !== "graph") await sidecar.call(stage, kind, bytes);
        };
        return stage;
      },
    },
  }) as RepositoryStore;
}

/** The same store, which notes what of each pack is read beside it. */
export function notingSidecars(store: RepositoryStore, read: string[]): RepositoryStore {
  return Object.create(store, {
    snapshot: {
      async value(options?: OperationOptions): Promise<Snapshot> {
        const snapshot = await store.snapshot(options);
        const { openPack } = snapshot;
        snapshot.openPack = async (id, how) => {
          const handle = await openPack.call(snapshot, id, how);
          const { sidecar } = handle;
          handle.sidecar = async (kind, when) => {
            read.push(kind);
            return sidecar.call(handle, kind, when);
          };
          return handle;
        };
        return snapshot;
      },
    },
  }) as RepositoryStore;
}
