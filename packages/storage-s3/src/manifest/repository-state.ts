import { randomUUID } from "node:crypto";
import type { ObjectFormat, Oid } from "@millrace/pack";
import {
  type ConfigEntry,
  createConfig,
  type HeldRefs,
  holdRefs,
  type RepositoryConfig,
  type StoredRef,
} from "@millrace/storage";
import type { StoredPack, Transaction } from "./schema.ts";

/** What a repository is at one instant, ready to be read; never changed, only replaced. */
export interface RepositoryState {
  readonly life: string;
  readonly generation: number;
  readonly nonce: string;
  readonly objectFormat: ObjectFormat;
  readonly config: RepositoryConfig;
  /** Sorted. */
  readonly shallow: readonly Oid[];
  /** All refs, inline; the one place that a table of refs in a file of its own would come in. */
  readonly refs: HeldRefs;
  /** Newest first. */
  readonly packs: readonly StoredPack[];
  readonly lossyRemovalAt: number;
  readonly transactions: readonly Transaction[];
}

/** A repository that was removed: its name is free. */
export interface RemovedState {
  readonly removedLife: string;
  readonly transactions: readonly Transaction[];
}

/** What one commit changes. */
export interface StateChanges {
  readonly refs: ReadonlyMap<string, StoredRef | null>;
  readonly packs: readonly StoredPack[];
  readonly shallow: readonly Oid[];
}

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
    refs: holdRefs(new Map([["HEAD", { symref: head }]])),
    packs: [],
    lossyRemovalAt: 0,
    transactions: [],
  };
}

/** The state that follows with these changes. A pack that is there already stays as it is. */
export function nextState(state: RepositoryState, changes: StateChanges): RepositoryState {
  const fresh = new Map(changes.packs.toReversed().map((pack) => [pack.id, pack]));
  for (const pack of state.packs) fresh.delete(pack.id);
  return {
    ...state,
    refs: changes.refs.size === 0 ? state.refs : state.refs.with(changes.refs),
    packs: [...fresh.values(), ...state.packs],
    shallow: [...new Set([...state.shallow, ...changes.shallow])].sort(),
  };
}

/** Marks a state as the next generation, written by this transaction; those older than `keptMs` are forgotten. */
export function sealState(state: RepositoryState, id: string, keptMs: number): RepositoryState {
  return {
    ...state,
    generation: state.generation + 1,
    nonce: randomUUID(),
    transactions: withTransaction(state.transactions, id, keptMs),
  };
}

/** Clocks of writers differ: the newest time seen is the time. */
export function withTransaction(
  transactions: readonly Transaction[],
  id: string,
  keptMs: number,
): readonly Transaction[] {
  const now = transactions.reduce((latest, [, at]) => Math.max(latest, at), Date.now());
  return [...transactions.filter(([, at]) => at > now - keptMs), [id, now]];
}
