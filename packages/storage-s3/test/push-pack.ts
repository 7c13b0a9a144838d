import type { Oid } from "@millrace/pack";
import type { RepositoryStore, Stage } from "@millrace/storage";
import type { TinyPack } from "@millrace/storage/conformance";

/** Sends a pack as far as its seal. */
export async function stagePack(store: RepositoryStore, pack: TinyPack): Promise<Stage> {
  const stage = await store.stage();
  await stage.write(pack.bytes.subarray(0, -20));
  await stage.sidecar("rev", pack.rev);
  await stage.sidecar("idx", pack.idx);
  await stage.seal({ header: pack.bytes.slice(0, 12), trailer: pack.bytes.slice(-20) });
  return stage;
}

/** Pushes a pack under one ref, as `receive-pack` does it, and answers the code of each refusal. */
export async function pushPack(
  store: RepositoryStore,
  pack: TinyPack,
  name: string,
  old?: Oid | null,
): Promise<(string | undefined)[]> {
  const stage = await stagePack(store, pack);
  try {
    const { refs } = await store.commit({ add: [stage], refs: [{ name, old, new: pack.commit }] });
    return refs.map((refusal) => refusal?.code);
  } finally {
    await stage[Symbol.asyncDispose]();
  }
}

/** The refs as they are now, as `name oid`. */
export async function refsOf(store: RepositoryStore): Promise<string[]> {
  const view = await store.snapshot();
  const lines: string[] = [];
  for await (const { name, oid } of view.refs()) lines.push(`${name} ${oid}`);
  return lines;
}
