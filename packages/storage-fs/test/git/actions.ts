import type { CommitRequest, CommitResult, RepositoryStore, Stage } from "@millrace/storage";
import type { TinyPack } from "@millrace/storage/conformance";
import { git } from "@millrace/git-lab";

export { makeTinyPack, type TinyPack } from "@millrace/storage/conformance";

/** The format in which tests compare refs with git. */
export const FORMAT = "--format=%(objectname) %(refname)";

/** What git says the refs are. */
export function gitRefs(directory: string): string[] {
  return git(directory, ["for-each-ref", FORMAT]).split("\n").slice(0, -1);
}

/** Uploads a whole pack and seals it. */
export async function stagePack(store: RepositoryStore, pack: TinyPack): Promise<Stage> {
  const stage = await store.stage();
  const end = pack.bytes.length - pack.id.length / 2;
  await stage.write(pack.bytes.subarray(0, end));
  await stage.sidecar("idx", pack.idx);
  await stage.sidecar("rev", pack.rev);
  await stage.seal({ header: pack.bytes.slice(0, 12), trailer: pack.bytes.slice(end) });
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
