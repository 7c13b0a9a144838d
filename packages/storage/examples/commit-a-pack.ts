import { createMemoryStorage, type RepositoryStore } from "@millrace/storage";
import { makeTinyPack } from "@millrace/storage/conformance";

/** Uploads one pack and points a branch at its commit, by compare-and-swap. */
export async function commitAPack(store: RepositoryStore): Promise<string> {
  const pack = await makeTinyPack("hello");
  const body = pack.bytes.subarray(0, -20);

  const stage = await store.stage();
  try {
    await stage.write(body);
    await stage.sidecar("idx", pack.idx);
    await stage.seal({ header: body.slice(0, 12), trailer: pack.bytes.slice(-20) });
    const { refs } = await store.commit({
      add: [stage],
      refs: [{ name: "refs/heads/main", old: null, new: pack.commit }],
    });
    if (refs[0] !== undefined) throw new Error(refs[0].message);
  } finally {
    await stage[Symbol.asyncDispose]();
  }

  const view = await store.snapshot();
  try {
    for await (const ref of view.refs({ prefixes: ["refs/heads/"] })) return `${ref.oid} ${ref.name}`;
    return "";
  } finally {
    await view[Symbol.asyncDispose]();
  }
}

export const example: Promise<string> = createMemoryStorage().create("team/project.git").then(commitAPack);
