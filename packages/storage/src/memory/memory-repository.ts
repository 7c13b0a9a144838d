import type { ObjectFormat, Oid } from "@millrace/pack";
import { createConfig, type RepositoryConfig } from "../config.ts";
import { compareNames, lowerBound } from "../name-order.ts";
import type { RefTable, StoredRef } from "../ref-plan.ts";
import type { ConfigEntry } from "../schema.ts";

/** A pack and what lies beside it. */
export interface MemoryPack {
  readonly id: string;
  readonly bytes: Uint8Array;
  /** What is made for the pack later is added. */
  readonly sidecars: Map<string, Uint8Array>;
}

/** Everything a repository holds at one instant; never changed, only replaced. */
export interface MemoryState {
  readonly token: string;
  readonly refs: RefTable;
  /** Names below `refs/` in byte order. */
  readonly names: readonly string[];
  /** Newest first. */
  readonly packs: readonly MemoryPack[];
  /** Shallow roots, sorted. */
  readonly shallow: readonly Oid[];
  readonly config: RepositoryConfig;
}

/** A repository: a place for its newest state. */
export interface MemoryRepository {
  readonly objectFormat: ObjectFormat;
  state: MemoryState;
  removed: boolean;
}

let lives = 0;

/** An empty repository whose HEAD names `head`. */
export function createMemoryRepository(
  objectFormat: ObjectFormat,
  head: string,
  config: readonly ConfigEntry[],
): MemoryRepository {
  const refs = new Map<string, StoredRef>([["HEAD", { symref: head }]]);
  const token = `memory-${++lives}.0`;
  const state = createState({ token, refs, packs: [], shallow: [], config: createConfig(config) });
  return { objectFormat, removed: false, state };
}

/** What one commit changes. */
export interface MemoryChanges {
  readonly refs: ReadonlyMap<string, StoredRef | null>;
  readonly packs: readonly MemoryPack[];
  readonly shallow: readonly Oid[];
}

/** The state that follows `state` with these changes. */
export function nextState(state: MemoryState, changes: MemoryChanges): MemoryState {
  const refs = new Map<string, StoredRef>();
  for (const name of ["HEAD", ...state.names]) {
    const ref = state.refs.get(name);
    if (ref !== undefined) refs.set(name, ref);
  }
  for (const [name, ref] of changes.refs) {
    if (ref === null) refs.delete(name);
    else refs.set(name, ref);
  }
  const fresh = new Map(changes.packs.toReversed().map((pack) => [pack.id, pack]));
  for (const pack of state.packs) fresh.delete(pack.id);
  const [life, generation] = state.token.split(".") as [string, string];
  return createState({
    token: `${life}.${Number(generation) + 1}`,
    refs,
    packs: [...fresh.values(), ...state.packs],
    shallow: [...new Set([...state.shallow, ...changes.shallow])].sort(),
    config: state.config,
  });
}

interface StateParts extends Pick<MemoryState, "token" | "packs" | "shallow" | "config"> {
  readonly refs: ReadonlyMap<string, StoredRef>;
}

function createState({ refs, ...rest }: StateParts): MemoryState {
  const names = [...refs.keys()].filter((name) => name.startsWith("refs/")).sort(compareNames);
  return {
    ...rest,
    names,
    refs: {
      get: (name) => refs.get(name),
      has: (name) => refs.has(name),
      *under(prefix) {
        for (let i = lowerBound(names, prefix); i < names.length; i++) {
          const name = names[i] as string;
          if (!name.startsWith(prefix)) return;
          yield name;
        }
      },
    },
  };
}
