import type { ObjectFormat, Oid } from "@millrace/pack";
import { createConfig, type RepositoryConfig } from "../config.ts";
import { type HeldRefs, holdRefs } from "../held-refs.ts";
import type { StoredRef } from "../ref-plan.ts";
import type { ConfigEntry } from "../schema.ts";
import type { StoredNotice } from "../stored-notices.ts";

/** A pack and what lies beside it. */
export interface MemoryPack {
  readonly id: string;
  readonly bytes: Uint8Array;
  /** When it landed, in milliseconds since 1970; landing again counts. */
  landedMs: number;
  /** It was added as `promised`. */
  readonly isPromised: boolean;
  /** What is made for the pack later is added. */
  readonly sidecars: Map<string, Uint8Array>;
}

/** Everything a repository holds at one instant; never changed, only replaced. */
export interface MemoryState {
  readonly token: string;
  readonly refs: HeldRefs;
  /** Newest first. */
  readonly packs: readonly MemoryPack[];
  /** Shallow roots, sorted. */
  readonly shallow: readonly Oid[];
  readonly config: RepositoryConfig;
  /** The generation in which objects were last dropped. */
  readonly lossyAt: number;
}

/** A repository: a place for its newest state. */
export interface MemoryRepository {
  readonly objectFormat: ObjectFormat;
  state: MemoryState;
  removed: boolean;
  /** Somebody tidies it up. */
  isMaintained: boolean;
  /** What is left to be told, the oldest first. */
  notices: readonly StoredNotice[];
}

let lives = 0;

/** An empty repository whose HEAD names `head`. */
export function createMemoryRepository(
  objectFormat: ObjectFormat,
  head: string,
  config: readonly ConfigEntry[],
): MemoryRepository {
  const refs = holdRefs(new Map([["HEAD", { symref: head }]]));
  const token = `memory-${++lives}.0`;
  const state = { token, refs, packs: [], shallow: [], config: createConfig(config), lossyAt: 0 };
  return { objectFormat, removed: false, isMaintained: false, notices: [], state };
}

/** What one commit changes. */
export interface MemoryChanges {
  readonly refs: ReadonlyMap<string, StoredRef | null>;
  readonly packs: readonly MemoryPack[];
  readonly shallow: readonly Oid[];
  /** Shallow roots that go. */
  readonly unshallow: readonly Oid[];
  /** Ids of packs that go. */
  readonly removed: ReadonlySet<string>;
  /** Objects go with them. */
  readonly isLossy: boolean;
}

/** The state that follows `state` with these changes. */
export function nextState(state: MemoryState, changes: MemoryChanges): MemoryState {
  const fresh = new Map(changes.packs.toReversed().map((pack) => [pack.id, pack]));
  for (const pack of state.packs) {
    const again = fresh.get(pack.id);
    if (again !== undefined) pack.landedMs = again.landedMs;
    fresh.delete(pack.id);
  }
  const [life, generation] = state.token.split(".") as [string, string];
  return {
    token: `${life}.${Number(generation) + 1}`,
    refs: state.refs.with(changes.refs),
    packs: [...fresh.values(), ...state.packs.filter(({ id }) => !changes.removed.has(id))],
    shallow: rootsAfter(state.shallow, changes.shallow, changes.unshallow),
    config: state.config,
    lossyAt: changes.isLossy ? Number(generation) + 1 : state.lossyAt,
  };
}

/** Shallow roots with some more and some less, sorted. */
function rootsAfter(before: readonly Oid[], more: readonly Oid[], less: readonly Oid[]): readonly Oid[] {
  const roots = new Set([...before, ...more]);
  for (const oid of less) roots.delete(oid);
  return [...roots].sort();
}

/** The number of commits before the state with this token. */
export function generationOf(token: string): number {
  return Number(token.split(".")[1]);
}
