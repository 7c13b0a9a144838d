import { StorageError } from "../errors.ts";
import type { CommitRequest } from "../contract.ts";
import type { Maintenance, MaintenanceOptions } from "../maintenance.ts";
import type { MemoryRepository, MemoryState } from "./memory-repository.ts";

/** Begins maintenance of a repository in memory, where every pack may go. */
export function beginMemoryMaintenance(
  repository: MemoryRepository,
  name: string,
  { dryRun = false }: MaintenanceOptions,
): Maintenance {
  if (!dryRun && repository.isMaintained) {
    throw new StorageError("STORAGE_BUSY", `${name} is being maintained`, { key: name });
  }
  if (!dryRun) repository.isMaintained = true;
  let isOver = dryRun;
  return {
    startedMs: Date.now(),
    mayDrop: true,
    async packs({ signal } = {}) {
      signal?.throwIfAborted();
      return repository.state.packs.map(({ id, landedMs, sidecars, isPromised }) => ({
        id,
        modifiedMs: landedMs,
        stays: false,
        isPromised,
        isBorrowed: false,
        isCruft: sidecars.has("mtimes"),
      }));
    },
    async *loose() {},
    async *moreTips() {},
    async [Symbol.asyncDispose]() {
      if (!isOver) repository.isMaintained = false;
      isOver = true;
    },
  };
}

/** Which packs of a state go; packs that land in the same commit stay. */
export function removablePacks(
  state: MemoryState,
  { remove, promised = false }: CommitRequest,
  landing: readonly { readonly id: string }[],
): ReadonlySet<string> {
  const present = new Set(
    state.packs.filter(({ isPromised }) => isPromised === promised).map(({ id }) => id),
  );
  const stays = new Set(landing.map(({ id }) => id));
  return new Set((remove?.packs ?? []).filter((id) => present.has(id) && !stays.has(id)));
}
