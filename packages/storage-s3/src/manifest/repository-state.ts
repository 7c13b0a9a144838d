import { randomUUID } from "node:crypto";
import type { ObjectFormat, Oid } from "@millrace/pack";
import {
  type ConfigEntry,
  createConfig,
  type RepositoryConfig,
  addNotice,
  type StoredNotice,
  type StoredRef,
} from "@millrace/storage";
import { type StoredRefs, storeRefs } from "../refs/stored-refs.ts";
import type { RemovedFile, StoredFile, StoredLease, StoredPack, Transaction } from "./schema.ts";

/** What a repository is at one instant, ready to be read; never changed, only replaced. */
export interface RepositoryState {
  readonly life: string;
  readonly generation: number;
  readonly nonce: string;
  readonly objectFormat: ObjectFormat;
  readonly config: RepositoryConfig;
  /** Sorted. */
  readonly shallow: readonly Oid[];
  readonly refs: StoredRefs;
  /** Newest first. */
  readonly packs: readonly StoredPack[];
  readonly removed: readonly RemovedFile[];
  readonly lossyRemovalAt: number;
  readonly lease?: StoredLease | undefined;
  readonly notices: readonly StoredNotice[];
  readonly transactions: readonly Transaction[];
}

/** A repository that was removed: its name is free. */
export interface RemovedState {
  readonly removedLife: string;
  readonly removedMs: number;
  readonly transactions: readonly Transaction[];
}

/** What one commit changes. */
export interface StateChanges {
  readonly refs: ReadonlyMap<string, StoredRef | null>;
  readonly packs: readonly UploadedPack[];
  readonly shallow: readonly Oid[];
  /** Ids of packs that go. */
  readonly removed?: ReadonlySet<string> | undefined;
  /** Objects go with them that are nowhere else. */
  readonly isLossy?: boolean | undefined;
  /** What is left to be told of it. */
  readonly notice?: StoredNotice | undefined;
}

/** A pack that no manifest names yet. */
export type UploadedPack = Omit<StoredPack, "landedMs">;

export interface NewRepository {
  readonly objectFormat: ObjectFormat;
  readonly head: string;
  readonly config: readonly ConfigEntry[];
}

/** An empty repository, at the start of a life of its own. */
export function newState({ objectFormat, head, config }: NewRepository): RepositoryState {
  return {
    life: randomUUID(),
    generation: 0,
    nonce: randomUUID(),
    objectFormat,
    config: createConfig(config),
    shallow: [],
    refs: storeRefs(new Map([["HEAD", { symref: head }]]), []),
    packs: [],
    removed: [],
    lossyRemovalAt: 0,
    notices: [],
    transactions: [],
  };
}

/**
 * The state that follows with these changes, at this time by the store's clock. A pack that is there already stays as it
 * is. What is judged next before all of it is written has a view of its own.
 */
export function nextState(state: RepositoryState, changes: StateChanges, nowMs: number): RepositoryState {
  const { removed = new Set<string>(), isLossy = false } = changes;
  const fresh = new Map(changes.packs.toReversed().map((pack) => [pack.id, pack]));
  for (const pack of state.packs) fresh.delete(pack.id);
  const landed = [...fresh.values()].map((pack) => ({ ...pack, landedMs: nowMs }));
  const going = state.packs.filter(({ id }) => removed.has(id));
  const next: RepositoryState = {
    ...state,
    nonce: randomUUID(),
    refs: state.refs.with(changes.refs),
    packs: [...landed, ...state.packs.filter(({ id }) => !removed.has(id))],
    shallow: [...new Set([...state.shallow, ...changes.shallow])].sort(),
    notices: changes.notice === undefined ? state.notices : addNotice(state.notices, changes.notice),
    lossyRemovalAt: isLossy && going.length > 0 ? state.generation + 1 : state.lossyRemovalAt,
  };
  return withRemoved(
    next,
    going.flatMap(({ files }) => files),
    nowMs,
  );
}

/** Puts files that the state no longer names on the list of those that go when their grace time is over. */
export function withRemoved(
  state: RepositoryState,
  files: readonly StoredFile[],
  nowMs: number,
): RepositoryState {
  if (files.length === 0) return state;
  const removed = files.map(({ key, sizeBytes }) => ({ key, sizeBytes, removedMs: nowMs }));
  return { ...state, removed: [...state.removed, ...removed] };
}

/** Names a state among all those that there ever were. */
export function tokenOf({ life, generation, nonce }: RepositoryState): string {
  return `${life}.${generation}.${nonce}`;
}

/** The life and the generation in a state's token. */
export function readToken(token: string): { readonly life: string | undefined; readonly generation: number } {
  const [life, generation] = token.split(".");
  return { life, generation: Number(generation) };
}

/** Who writes, and when by the store's clock; transactions older than `keptMs` are forgotten. */
export interface Writer {
  readonly id: string;
  readonly nowMs: number;
  readonly keptMs: number;
}

/** Marks a state as the next generation, written by this transaction. */
export function sealState(state: RepositoryState, writer: Writer): RepositoryState {
  return {
    ...state,
    generation: state.generation + 1,
    nonce: randomUUID(),
    transactions: withTransaction(state.transactions, writer),
  };
}

export function withTransaction(
  transactions: readonly Transaction[],
  { id, nowMs, keptMs }: Writer,
): readonly Transaction[] {
  return [...transactions.filter(([, at]) => at > nowMs - keptMs), [id, nowMs]];
}
