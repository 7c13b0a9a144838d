import type { ObjectFormat } from "@millrace/pack";
import { compareNames, lowerBound } from "../name-order.ts";
import type { RefTable, StoredRef } from "../ref-plan.ts";

/** A pack and what lies beside it. */
export interface MemoryPack {
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly sidecars: ReadonlyMap<string, Uint8Array>;
}

/** Everything a repository holds at one instant; never changed, only replaced. */
export interface MemoryState {
  readonly token: string;
  readonly refs: RefTable;
  /** Names below `refs/` in byte order. */
  readonly names: readonly string[];
  /** Newest first. */
  readonly packs: readonly MemoryPack[];
}

/** A repository: a place for its newest state. */
export interface MemoryRepository {
  readonly objectFormat: ObjectFormat;
  state: MemoryState;
  removed: boolean;
}

let lives = 0;

/** An empty repository whose HEAD names `head`. */
export function createMemoryRepository(objectFormat: ObjectFormat, head: string): MemoryRepository {
  const refs = new Map<string, StoredRef>([["HEAD", { symref: head }]]);
  return { objectFormat, removed: false, state: createState(`memory-${++lives}.0`, refs, []) };
}

/** The state that follows `state` when these refs change and these packs are added. */
export function nextState(
  state: MemoryState,
  changes: ReadonlyMap<string, StoredRef | null>,
  added: readonly MemoryPack[],
): MemoryState {
  const refs = new Map<string, StoredRef>();
  for (const name of ["HEAD", ...state.names]) {
    const ref = state.refs.get(name);
    if (ref !== undefined) refs.set(name, ref);
  }
  for (const [name, ref] of changes) {
    if (ref === null) refs.delete(name);
    else refs.set(name, ref);
  }
  const fresh = new Map(added.toReversed().map((pack) => [pack.id, pack]));
  for (const pack of state.packs) fresh.delete(pack.id);
  const [life, generation] = state.token.split(".") as [string, string];
  return createState(`${life}.${Number(generation) + 1}`, refs, [...fresh.values(), ...state.packs]);
}

function createState(
  token: string,
  refs: ReadonlyMap<string, StoredRef>,
  packs: readonly MemoryPack[],
): MemoryState {
  const names = [...refs.keys()].filter((name) => name.startsWith("refs/")).sort(compareNames);
  return {
    token,
    names,
    packs,
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
