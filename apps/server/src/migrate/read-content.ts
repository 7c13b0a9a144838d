import type { ObjectFormat, Oid, OperationOptions } from "@millrace/pack";
import { type ConfigEntry, type Snapshot, StorageError } from "@millrace/storage";

/** What a repository says of itself, apart from objects. */
export interface Content {
  readonly objectFormat: ObjectFormat;
  /** The branch that HEAD names. */
  readonly head: string;
  /** Settings that mean the same wherever the repository lies. */
  readonly config: readonly ConfigEntry[];
  readonly refs: readonly { readonly name: string; readonly oid: Oid }[];
  readonly symrefs: readonly { readonly name: string; readonly target: string }[];
  readonly shallow: readonly Oid[];
}

/** Settings of a place: where files lie, how they are written, and what was put together from other files. */
const OF_A_PLACE =
  /^(?:core\.(?:repositoryformatversion|filemode|bare|worktree|sharedrepository|symlinks|ignorecase|precomposeunicode|logallrefupdates|hookspath|fsync|fsyncmethod|fsyncobjectfiles|compression|loosecompression|alternate.*)|extensions\..*|include\.path|includeif\..*\.path)$/;
/** Extensions that a copy can do without. */
const DISPENSABLE = new Set([
  "objectformat",
  "refstorage",
  "worktreeconfig",
  "relativeworktrees",
  "noop",
  "noop-v1",
]);

/** Reads all of it. Throws `STORAGE_UNSUPPORTED` for what a copy would not have: a detached HEAD, lazy objects. */
export async function readContent(view: Snapshot, options: OperationOptions): Promise<Content> {
  const { entries } = await view.config(options);
  for (const { key } of entries) {
    const extension = /^extensions\.(.*)$/.exec(key)?.[1];
    if (extension !== undefined && !DISPENSABLE.has(extension)) throw unsupported(`it has ${key}`);
  }
  const { symref: head } = await view.head(options);
  if (head === undefined) throw unsupported("its HEAD names no branch");
  const refs: { name: string; oid: Oid }[] = [];
  const symrefs: { name: string; target: string }[] = [];
  for await (const { name, oid, symref } of view.refs(options)) {
    if (symref === undefined) refs.push({ name, oid });
    else symrefs.push({ name, target: symref });
  }
  return {
    objectFormat: view.objectFormat,
    head,
    config: entries.filter(({ key }) => !OF_A_PLACE.test(key)),
    refs,
    symrefs,
    shallow: [...(await view.shallow(options))].sort(),
  };
}

function unsupported(why: string): StorageError {
  return new StorageError("STORAGE_UNSUPPORTED", `this repository cannot be copied: ${why}`);
}
