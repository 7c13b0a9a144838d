import { type ObjectFormat, type Oid, isOid } from "@millrace/pack";
import type { CommitRequest, RefRejection, RefRejectionCode, RefUpdate, SymrefUpdate } from "./contract.ts";
import { StorageError } from "./errors.ts";
import {
  checkRefName,
  findDirectoryConflict,
  isUpdatableRef,
  type RefNames,
  refParents,
} from "./ref-name.ts";

/** A ref as it is stored: an id, with what it peels to as `Ref` has it, or the name of another ref. */
export type StoredRef =
  | { readonly oid: Oid; readonly peeled?: Oid | null | undefined; readonly symref?: undefined }
  | { readonly symref: string };

/** All refs of a repository at one instant, `HEAD` among them. */
export interface RefTable extends RefNames {
  get(name: string): StoredRef | undefined;
}

/** What a commit would do to a table. */
export interface RefPlan {
  readonly outcomes: readonly (RefRejection | undefined)[];
  /** By name, what each ref becomes; `null` where it goes. Symbolic refs are among them. */
  readonly changes: ReadonlyMap<string, StoredRef | null>;
  /** Whether packs are to land: a ref moved, or none was asked for. */
  readonly commits: boolean;
}

/** As deep as git follows symbolic refs. */
export const SYMREF_DEPTH = 5;

/** What git says of a branch that is to be updated with its working tree, and has none. */
export const NO_WORK_TREE = "denyCurrentBranch = updateInstead needs a worktree";

/** The name that updates of `name` go to: through symbolic refs to the last one; `undefined` where they turn in a circle. */
export function resolveRefName(
  name: string,
  get: (name: string) => StoredRef | undefined,
): string | undefined {
  let current = name;
  for (let depth = 0; depth <= SYMREF_DEPTH; depth++) {
    const stored = get(current);
    if (stored === undefined || stored.symref === undefined) return current;
    current = stored.symref;
  }
  return undefined;
}

/** A refusal with its message. */
export function refuse(name: string, code: RefRejectionCode, message: string): RefRejection {
  return { name, code, message };
}

/**
 * Refuses what can be refused without looking at any ref: names, and names given twice.
 * Throws `STORAGE_UNSUPPORTED` for ids of another format and `STORAGE_BAD_NAME` for symbolic refs that git would not take.
 */
export function screenUpdates(request: CommitRequest, format: ObjectFormat): (RefRejection | undefined)[] {
  const updates = request.refs ?? [];
  const seen = new Map<string, number>();
  for (const root of request.shallow ?? []) checkOid(root, format);
  for (const update of updates) {
    checkOid(update.new, format);
    checkOid(update.old, format);
    seen.set(update.name, (seen.get(update.name) ?? 0) + 1);
  }
  const named = new Set(seen.keys());
  for (const symref of request.symrefs ?? []) {
    if (named.has(symref.name)) throw badSymref(symref, "asked for more than once");
    checkSymref(symref);
    named.add(symref.name);
  }
  return updates.map(({ name }) => {
    if (!isUpdatableRef(name)) return refuse(name, "REF_NAME_INVALID", "not a valid ref name");
    if ((seen.get(name) ?? 0) > 1) return refuse(name, "REF_CONFLICT", "asked for more than once");
    return undefined;
  });
}

/**
 * Judges a commit against a table, for backends that hold all refs and change them in one step. An atomic commit is
 * judged as a whole; else each update sees what the ones before it did. `denied` is what `check` refused.
 * Throws as `screenUpdates`.
 */
export function planRefs(
  table: RefTable,
  request: CommitRequest,
  format: ObjectFormat,
  denied: readonly RefRejection[] = [],
): RefPlan {
  const updates = request.refs ?? [];
  const outcomes = screenUpdates(request, format);
  const atomic = request.atomic === true;
  const targets = updates.map(({ name }, index) =>
    outcomes[index] === undefined ? resolveRefName(name, table.get) : undefined,
  );
  const deniedTargets = findDenied(updates, targets, denied);
  const working = createOverlay(table);
  /** By ref, the first update that moves it; others do by way of a symbolic ref. */
  const firsts = new Map<string, number>();
  let moved = false;
  const related = atomic
    ? refuseRelated(
        updates.flatMap((update, i) => {
          const target = targets[i];
          return target === undefined ? [] : [{ update, target }];
        }),
      )
    : new Map<string, RefRejection>();
  for (const [index, update] of updates.entries()) {
    if (outcomes[index] !== undefined) continue;
    const { name } = update;
    const target = targets[index];
    if (target === undefined) {
      outcomes[index] = refuse(name, "REF_CONFLICT", "symbolic refs turn in a circle");
      continue;
    }
    const first = firsts.get(target);
    if (first !== undefined) {
      outcomes[index] =
        updates[first]?.new === update.new ? renamed(outcomes[first], name) : refuseElsewhere(name, target);
      continue;
    }
    firsts.set(target, index);
    const refusal =
      renamed(related.get(target), name) ??
      judge(working, table, update, target, atomic) ??
      renamed(deniedTargets.get(target), name) ??
      (update.updateWorkTree === true ? refuse(name, "REF_DENIED", NO_WORK_TREE) : undefined);
    outcomes[index] = refusal;
    if (refusal !== undefined) continue;
    moved ||= update.new !== null || working.get(target) !== undefined;
    working.set(target, update.new === null ? null : storedRef(update.new, update.peeled));
  }
  if (atomic && outcomes.some((refusal) => refusal !== undefined)) {
    for (const [index, { name }] of updates.entries()) {
      outcomes[index] ??= refuse(name, "REF_ATOMIC_ABORTED", "another ref of this atomic commit was refused");
    }
    return { outcomes, changes: new Map(), commits: false };
  }
  const commits = moved || updates.length === 0;
  if (commits) {
    for (const symref of request.symrefs ?? []) {
      const conflict = symref.name === "HEAD" ? undefined : findDirectoryConflict(symref.name, working);
      if (conflict !== undefined) throw badSymref(symref, `cannot exist beside ${conflict}`);
      working.set(symref.name, { symref: symref.target });
    }
  }
  return { outcomes, changes: working.changes, commits };
}

/** A ref that was moved; what it peels to is left out where nobody has told. */
function storedRef(oid: Oid, peeled: Oid | null | undefined): StoredRef {
  return peeled === undefined ? { oid } : { oid, peeled };
}

function judge(
  working: Overlay,
  base: RefTable,
  update: RefUpdate,
  target: string,
  atomic: boolean,
): RefRejection | undefined {
  const { name, old } = update;
  const stored = working.get(target);
  const current = stored?.symref === undefined ? (stored?.oid ?? null) : null;
  if (old !== undefined && old !== current) return refuseOld(name, old, current);
  const conflict = findDirectoryConflict(target, namesInTheWay(working, base, update, atomic));
  return conflict === undefined ? undefined : refuseDirectory(name, conflict);
}

/** By the ref that moves, why `check` refused it, by whichever of its names. */
function findDenied(
  updates: readonly RefUpdate[],
  targets: readonly (string | undefined)[],
  denied: readonly RefRejection[],
): Map<string, RefRejection> {
  const byName = new Map(denied.map((refusal) => [refusal.name, refusal]));
  const byTarget = new Map<string, RefRejection>();
  for (const [index, { name }] of updates.entries()) {
    const refusal = byName.get(name);
    const target = targets[index];
    if (refusal !== undefined && target !== undefined && !byTarget.has(target)) byTarget.set(target, refusal);
  }
  return byTarget;
}

/** The same refusal for another of the ref's names. */
function renamed(refusal: RefRejection | undefined, name: string): RefRejection | undefined {
  return refusal === undefined ? undefined : { ...refusal, name };
}

/** The refusal of an update whose ref is moved elsewhere by the same commit. */
export function refuseElsewhere(name: string, target: string): RefRejection {
  return refuse(name, "REF_CONFLICT", `also moved elsewhere, by way of ${target}`);
}

/** The names that this update's ref cannot be above or below of: in an atomic commit those that were there before it. */
function namesInTheWay(working: Overlay, base: RefTable, update: RefUpdate, atomic: boolean): RefNames {
  if (update.new === null) return NONE;
  return atomic ? base : working;
}

const NONE: RefNames = { has: () => false, under: () => [] };

/** One update of an atomic commit, with the ref that it moves. */
export interface RelatedUpdate {
  readonly update: RefUpdate;
  readonly target: string;
}

/**
 * The refusals of updates whose refs cannot exist beside each other, by the ref that moves: an atomic commit takes no two
 * of them, be it that one is deleted, as in git.
 */
export function refuseRelated(related: readonly RelatedUpdate[]): ReadonlyMap<string, RefRejection> {
  const byTarget = new Map(related.map((each) => [each.target, each]));
  const refusals = new Map<string, RefRejection>();
  for (const { update, target } of related) {
    const above = refParents(target).flatMap((name) => byTarget.get(name) ?? [])[0];
    if (above === undefined) continue;
    if (above.update.old !== null) refusals.set(target, refuseDirectory(update.name, above.target));
    else {
      const message = `cannot process '${above.target}' and '${target}' at the same time`;
      refusals.set(above.target, refuse(above.update.name, "REF_DIRECTORY_CONFLICT", message));
    }
  }
  return refusals;
}

/** The refusal of an update whose ref is not what it was seen to be, in git's words. */
export function refuseOld(name: string, old: Oid | null, current: Oid | null): RefRejection {
  if (old === null) return refuse(name, "REF_CONFLICT", "reference already exists");
  if (current === null) return refuse(name, "REF_CONFLICT", `unable to resolve reference '${name}'`);
  return refuse(name, "REF_CONFLICT", `is at ${current} but expected ${old}`);
}

/** The refusal of an update whose ref cannot exist beside `other`, in git's words. */
export function refuseDirectory(name: string, other: string): RefRejection {
  return refuse(name, "REF_DIRECTORY_CONFLICT", `'${other}' exists; cannot create '${name}'`);
}

interface Overlay extends RefTable {
  readonly changes: Map<string, StoredRef | null>;
  set(name: string, ref: StoredRef | null): void;
}

/** Changes over a table. `under` takes names of directories with the slash behind them. */
function createOverlay(base: RefTable): Overlay {
  const changes = new Map<string, StoredRef | null>();
  /** By the name of a directory, what was changed in it and below: a commit of many refs asks for each of them. */
  const inside = new Map<string, Set<string>>();
  const get = (name: string): StoredRef | undefined => {
    const changed = changes.get(name);
    return changed === undefined ? base.get(name) : (changed ?? undefined);
  };
  return {
    changes,
    get,
    has: (name) => get(name) !== undefined,
    *under(prefix) {
      for (const name of inside.get(prefix.slice(0, -1)) ?? []) if (get(name) !== undefined) yield name;
      for (const name of base.under(prefix)) if (!changes.has(name)) yield name;
    },
    set(name, ref) {
      changes.set(name, ref);
      for (const directory of refParents(name)) {
        const names = inside.get(directory);
        if (names === undefined) inside.set(directory, new Set([name]));
        else names.add(name);
      }
    },
  };
}

function checkSymref(symref: SymrefUpdate): void {
  const { name, target } = symref;
  if ((name === "HEAD" || isUpdatableRef(name)) && target.startsWith("refs/") && checkRefName(target)) return;
  throw badSymref(symref, "not a symbolic ref");
}

/** The error for a symbolic ref that cannot be set: it has no outcome of its own, so it is the caller's to avoid. */
export function badSymref({ name, target }: SymrefUpdate, why: string): StorageError {
  return new StorageError("STORAGE_BAD_NAME", `${why}: ${JSON.stringify(`${name} -> ${target}`)}`, {
    key: name,
  });
}

function checkOid(oid: Oid | null | undefined, format: ObjectFormat): void {
  if (oid === null || oid === undefined) return;
  if (isOid(oid, format) && !/^0+$/.test(oid)) return;
  throw new StorageError("STORAGE_UNSUPPORTED", `not an object id of ${format}: ${JSON.stringify(oid)}`, {
    key: oid,
  });
}
