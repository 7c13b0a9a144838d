import type { OperationOptions } from "@millrace/pack";
import {
  type RepositoryStore,
  type Snapshot,
  type Stage,
  type Storage,
  StorageError,
} from "@millrace/storage";
import { copyObjects } from "./copy-objects.ts";
import { findDifferences } from "./find-differences.ts";
import { readContent } from "./read-content.ts";

/** What became of a repository that was to be copied. */
export type Migrated =
  | {
      readonly kind: "copied" | "would-copy";
      readonly packs: number;
      readonly bytes: number;
      readonly refs: number;
    }
  /** All of it was there before. */
  | { readonly kind: "there" };

/**
 * Copies a repository from one storage to another, where nobody sees any of it before all of it is there, and compares
 * both. Throws `STORAGE_EXISTS` where the target has another one of that name, `STORAGE_CORRUPT` where the copy is not
 * what the source was, `STORAGE_UNSUPPORTED` for what cannot be copied.
 */
export async function migrateRepository(
  from: Storage,
  to: Storage,
  name: string,
  { dryRun, signal }: OperationOptions & { readonly dryRun: boolean },
): Promise<Migrated> {
  const options = { signal };
  await using source = await from.open(name, options);
  await using view = await source.snapshot(options);
  const before = await openIfThere(to, name, options);
  if (before !== undefined) {
    await using there = before;
    await using old = await there.snapshot(options);
    const differences = await findDifferences(view, old, options);
    if (differences.length === 0) return { kind: "there" };
    throw new StorageError("STORAGE_EXISTS", `the target has another ${name}: ${differences.join(", ")}`, {
      key: name,
    });
  }
  const packs = await view.packs(options);
  const content = await readContent(view, options);
  const figures = {
    packs: packs.length,
    bytes: packs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    refs: content.refs.length + content.symrefs.length,
  };
  if (dryRun) return { kind: "would-copy", ...figures };
  await copy(view, to, name, options);
  await using copied = await to.open(name, options);
  await using now = await copied.snapshot(options);
  const differences = await findDifferences(view, now, options);
  if (differences.length > 0) {
    throw new StorageError("STORAGE_CORRUPT", `the copy of ${name} differs: ${differences.join(", ")}`, {
      key: name,
    });
  }
  return { kind: "copied", ...figures };
}

async function copy(view: Snapshot, to: Storage, name: string, options: OperationOptions): Promise<void> {
  const { objectFormat, head, config, refs, symrefs, shallow } = await readContent(view, options);
  await using target = await to.create(name, { objectFormat, head, config, onFirstCommit: true, ...options });
  const stages: Stage[] = [];
  try {
    await copyObjects(view, target, stages, options);
    if (stages.length + refs.length + symrefs.length === 0) {
      await using _ = await to.create(name, { objectFormat, head, config, ...options });
      return;
    }
    const updates = refs.map(({ name: ref, oid }) => ({ name: ref, old: null, new: oid }));
    const { refs: outcomes } = await target.commit({ add: stages, refs: updates, symrefs, shallow }, options);
    const refused = outcomes.find((outcome) => outcome !== undefined);
    if (refused !== undefined) {
      throw new StorageError("STORAGE_UNSUPPORTED", `${refused.name}: ${refused.message}`, { key: name });
    }
  } finally {
    for (const stage of stages) await stage[Symbol.asyncDispose]();
  }
}

async function openIfThere(
  storage: Storage,
  name: string,
  options: OperationOptions,
): Promise<RepositoryStore | undefined> {
  try {
    return await storage.open(name, options);
  } catch (error) {
    if (error instanceof StorageError && error.code === "STORAGE_NOT_FOUND") return undefined;
    throw error;
  }
}
