import { type ObjectFormat, type Oid, isOid } from "@millrace/pack";
import type { CommitRequest, RefRejection, RefRejectionCode, RefUpdate, SymrefUpdate } from "./contract.ts";
import { StorageError } from "./errors.ts";
import { checkRefName, findDirectoryConflict, isUpdatableRef, type RefNames } from "./ref-name.ts";

/** A ref as it is stored: an id, or the name of another ref. */
export type StoredRef = { readonly oid: Oid; readonly symref?: undefined } | { readonly symref: string };

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

/** The name that updates of `name` go to: through symbolic refs to the last one; `undefined` where they turn in a circle. */
export function resolveRefName(name: string, get: (name: string) => StoredRef | undefined): string | undefined {
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
  for (const symref of request.symrefs ?? []) checkSymref(symref);
  const updates = request.refs ?? [];
  const seen = new Map<string, number>();
  for (const update of updates) {
    checkOid(update.new, format);
    checkOid(update.old, format);
    seen.set(update.name, (seen.get(update.name) ?? 0) + 1);
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
  const deniedByName = new Map(denied.map((refusal) => [refusal.name, refusal]));
  const atomic = request.atomic === true;
  const working = createOverlay(table);
  let moved = false;
  const applied: RefUpdate[] = [];
  for (const [index, update] of updates.entries()) {
    const refusal = outcomes[index] ?? deniedByName.get(update.name) ?? judge(working, table, update, atomic);
    outcomes[index] = refusal;
    if (refusal !== undefined) continue;
    applied.push(update);
    const target = resolveRefName(update.name, working.get) as string;
    moved ||= update.new !== null || working.get(target) !== undefined;
    working.set(target, update.new === null ? null : { oid: update.new });
  }
  if (atomic && applied.length < updates.length) {
    for (const [index, { name }] of updates.entries()) {
      outcomes[index] ??= refuse(name, "REF_ATOMIC_ABORTED", "another ref of this atomic commit was refused");
    }
    return { outcomes, changes: new Map(), commits: false };
  }
  const commits = moved || updates.length === 0;
  if (commits) {
    for (const { name, target } of request.symrefs ?? []) working.set(name, { symref: target });
  }
  return { outcomes, changes: working.changes, commits };
}

function judge(working: Overlay, base: RefTable, update: RefUpdate, atomic: boolean): RefRejection | undefined {
  const { name } = update;
  const target = resolveRefName(name, working.get);
  if (target === undefined) return refuse(name, "REF_CONFLICT", "symbolic refs turn in a circle");
  const stored = working.get(target);
  const current = stored?.symref === undefined ? (stored?.oid ?? null) : null;
  const twice = working.changes.has(target); // by way of a symbolic ref
  if (twice && current !== update.new) return refuse(name, "REF_CONFLICT", `also moved elsewhere, by way of ${target}`);
  if (!twice && update.old !== undefined && update.old !== current) return refuseOld(name, update.old, current);
  if (update.new === null) return undefined;
  // In an atomic commit a ref that is deleted still stands in the way, as in git.
  const blocking = atomic ? joinNames(base, working) : working;
  const conflict = stored === undefined || atomic ? findDirectoryConflict(target, blocking) : undefined;
  return conflict === undefined ? undefined : refuseDirectory(name, conflict);
}

/** The refusal of an update whose ref is not what it was seen to be. */
export function refuseOld(name: string, old: Oid | null, current: Oid | null): RefRejection {
  if (old === null) return refuse(name, "REF_CONFLICT", `exists already, at ${current}`);
  if (current === null) return refuse(name, "REF_CONFLICT", `does not exist, expected at ${old}`);
  return refuse(name, "REF_CONFLICT", `is at ${current}, expected at ${old}`);
}

/** The refusal of an update whose ref cannot exist beside `other`. */
export function refuseDirectory(name: string, other: string): RefRejection {
  return refuse(name, "REF_DIRECTORY_CONFLICT", `cannot exist beside ${other}`);
}

interface Overlay extends RefTable {
  readonly changes: Map<string, StoredRef | null>;
  set(name: string, ref: StoredRef | null): void;
}

function createOverlay(base: RefTable): Overlay {
  const changes = new Map<string, StoredRef | null>();
  const get = (name: string): StoredRef | undefined => {
    const changed = changes.get(name);
    return changed === undefined ? base.get(name) : (changed ?? undefined);
  };
  return {
    changes,
    get,
    has: (name) => get(name) !== undefined,
    *under(prefix) {
      for (const [name, ref] of changes) if (ref !== null && name.startsWith(prefix)) yield name;
      for (const name of base.under(prefix)) if (!changes.has(name)) yield name;
    },
    set: (name, ref) => void changes.set(name, ref),
  };
}

function joinNames(base: RefTable, overlay: Overlay): RefNames {
  return {
    has: (name) => base.has(name) || overlay.changes.has(name),
    *under(prefix) {
      yield* base.under(prefix);
      for (const name of overlay.changes.keys()) if (name.startsWith(prefix)) yield name;
    },
  };
}

function checkSymref({ name, target }: SymrefUpdate): void {
  if ((name === "HEAD" || isUpdatableRef(name)) && target.startsWith("refs/") && checkRefName(target)) return;
  throw new StorageError("STORAGE_BAD_NAME", `not a symbolic ref: ${JSON.stringify(`${name} -> ${target}`)}`, {
    key: name,
  });
}

function checkOid(oid: Oid | null | undefined, format: ObjectFormat): void {
  if (oid === null || oid === undefined) return;
  if (isOid(oid, format) && !/^0+$/.test(oid)) return;
  throw new StorageError("STORAGE_UNSUPPORTED", `not an object id of ${format}: ${JSON.stringify(oid)}`, { key: oid });
}
