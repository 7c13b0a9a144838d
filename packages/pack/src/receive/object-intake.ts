import crypto from "node:crypto";
import { PackError } from "../errors.ts";
import type { FsckFinding } from "../fsck/finding.ts";
import type { FsckSession } from "../fsck/session.ts";
import { oidFromBytes } from "../object-id.ts";
import { objectTypeOfKind, type EntryKind } from "../scan/pack-entry.ts";
import type { ObjectFormat, ObjectType, Oid } from "../schema.ts";
import type { EntryColumns } from "./entry-table.ts";
import type { ScannedTree } from "./link-output.ts";
import { MAX_JOBS, type Workspace } from "./workspace.ts";

/** Told of an object; `content` is undefined for one that came in pieces. All views are valid during the call. */
export type VisitObject = (
  type: ObjectType,
  oid: Uint8Array,
  sizeBytes: number,
  content: Uint8Array | undefined,
) => void;

/** Told of a piece of an object that comes in pieces. The view is valid during the call. */
export type VisitPiece = (type: ObjectType, sizeBytes: number, piece: Uint8Array) => void;

/** What the object checks found in one object; may throw, which ends the work. */
export type TakeFindings = (type: ObjectType, oid: Uint8Array, findings: readonly FsckFinding[]) => void;

/** What is done with each object beside hashing it. */
export interface IntakeOptions {
  readonly format: ObjectFormat;
  /** Refuse objects that were made to collide (SHA-1 only). */
  readonly detectCollisions: boolean;
  readonly session: FsckSession | undefined;
  readonly onFindings: TakeFindings | undefined;
  readonly visit: VisitObject | undefined;
  /** Of blobs that come in pieces. */
  readonly visitPiece?: VisitPiece | undefined;
}

/** Where whole objects go that lie in the kernel's memory. */
export interface Intake {
  /** Whether enough waits for `flush`. */
  readonly isFull: boolean;
  /** Runs the object checks on one object now; answers what they found, `undefined` for nothing. */
  check(type: ObjectType, at: number, bytes: number): readonly FsckFinding[] | undefined;
  /** Runs the object checks on a tree that was scanned: what it names plainly is noted, all else is looked at. */
  checkTree(scanned: ScannedTree, at: number, bytes: number): readonly FsckFinding[] | undefined;
  /** Takes one object, with 64 bytes of headroom before it, that stays where it is until `flush`. */
  take(
    entry: number,
    kind: number,
    at: number,
    bytes: number,
    findings: readonly FsckFinding[] | undefined,
  ): void;
  /** Deals with all that was taken. */
  flush(columns: EntryColumns): void;
}

/** For objects whose ids are known already. */
export const NO_INTAKE: Intake = {
  isFull: false,
  check: () => undefined,
  checkTree: () => undefined,
  take() {},
  flush() {},
};

/** Objects are hashed together once so many bytes wait. */
const BATCH_BYTES = 512 * 1024;
/** One object alone gains nothing from lanes: without detection the native hash is faster. */
const NATIVE_BYTES = 4096;
const ZERO = 0x30;

/**
 * Takes whole objects that lie in the kernel's memory, each with 64 bytes of headroom, and hashes them in batches: what
 * was taken must stay where it is until `flush`.
 */
export class ObjectIntake implements Intake {
  readonly #workspace: Workspace;
  readonly #options: IntakeOptions;
  readonly #prefixes: readonly Uint8Array[];
  readonly #entries = new Int32Array(MAX_JOBS);
  readonly #kinds = new Uint8Array(MAX_JOBS);
  readonly #at = new Float64Array(MAX_JOBS);
  readonly #bytes = new Float64Array(MAX_JOBS);
  readonly #findings: (readonly FsckFinding[] | undefined)[] = [];
  /** The entries of a batch that the kernel hashes. */
  readonly #jobEntries = new Int32Array(MAX_JOBS);
  #count = 0;
  #pendingBytes = 0;

  constructor(workspace: Workspace, options: IntakeOptions) {
    this.#workspace = workspace;
    this.#options = options;
    this.#prefixes = [1, 2, 3, 4].map((kind) =>
      Buffer.from(`${objectTypeOfKind(kind as EntryKind)} `, "latin1"),
    );
  }

  get isFull(): boolean {
    return this.#count === MAX_JOBS || this.#pendingBytes >= BATCH_BYTES;
  }

  check(type: ObjectType, at: number, bytes: number): readonly FsckFinding[] | undefined {
    const { session } = this.#options;
    if (session === undefined) return undefined;
    const findings = session.check(type, this.#workspace.kernel.bytes.subarray(at, at + bytes));
    return findings.length === 0 ? undefined : findings;
  }

  checkTree(scanned: ScannedTree, at: number, bytes: number): readonly FsckFinding[] | undefined {
    if (scanned.isRemarkable) return this.check("tree", at, bytes);
    const { attributesAt, modulesAt } = scanned;
    const { session } = this.#options;
    if (attributesAt > 0) session?.expect({ gitattributes: [this.#oidAt(attributesAt)], gitmodules: [] });
    if (modulesAt > 0) session?.expect({ gitattributes: [], gitmodules: [this.#oidAt(modulesAt)] });
    return undefined;
  }

  /** Takes one object; call `flush` first where it `isFull`. */
  take(
    entry: number,
    kind: number,
    at: number,
    bytes: number,
    findings: readonly FsckFinding[] | undefined,
  ): void {
    const i = this.#count++;
    this.#entries[i] = entry;
    this.#kinds[i] = kind;
    this.#at[i] = at;
    this.#bytes[i] = bytes;
    this.#findings[i] = findings;
    this.#pendingBytes += bytes;
  }

  #oidAt(address: number): Oid {
    return oidFromBytes(this.#workspace.kernel.bytes, address, this.#options.format);
  }

  /** Hashes what waits and writes the ids into `columns`. Throws PACK_COLLISION, and what `onFindings` and `visit` throw. */
  flush(columns: EntryColumns): void {
    const count = this.#count;
    if (count === 0) return;
    this.#count = 0;
    this.#pendingBytes = 0;
    this.#hash(count, columns);
    const { visit, onFindings } = this.#options;
    const { bytes } = this.#workspace.kernel;
    const { hashBytes, oids } = columns;
    for (let i = 0; i < count; i++) {
      const findings = this.#findings[i];
      this.#findings[i] = undefined;
      if (visit === undefined && findings === undefined) continue;
      const type = objectTypeOfKind(this.#kinds[i] as EntryKind)!;
      const oid = oids.slice(this.#entries[i]! * hashBytes, (this.#entries[i]! + 1) * hashBytes);
      const start = this.#at[i]!;
      const size = this.#bytes[i]!;
      if (findings !== undefined) onFindings?.(type, oid, findings);
      visit?.(type, oid, size, bytes.subarray(start, start + size));
    }
  }

  #hash(count: number, columns: EntryColumns): void {
    const { kernel, jobs, digests } = this.#workspace;
    const { format, detectCollisions } = this.#options;
    const { bytes, words } = kernel;
    const { hashBytes, oids } = columns;
    let job = 0;
    for (let i = 0; i < count; i++) {
      const start = this.#writeHeader(bytes, i);
      const length = this.#at[i]! + this.#bytes[i]! - start;
      if (format === "sha256" || (!detectCollisions && length >= NATIVE_BYTES)) {
        const text = crypto.hash(format, bytes.subarray(start, start + length), "binary");
        const at = this.#entries[i]! * hashBytes;
        for (let k = 0; k < hashBytes; k++) oids[at + k] = text.charCodeAt(k);
        continue;
      }
      words[(jobs >>> 2) + 2 * job] = start;
      words[(jobs >>> 2) + 2 * job + 1] = length;
      this.#jobEntries[job++] = this.#entries[i]!;
    }
    if (job === 0) return;
    const attacked = kernel.sha1Many(jobs, job, digests, detectCollisions);
    for (let i = 0; i < job; i++) {
      const at = this.#jobEntries[i]! * hashBytes;
      for (let k = 0; k < 20; k++) oids[at + k] = bytes[digests + i * 20 + k]!;
    }
    if (attacked >= 0) {
      const oid = oidFromBytes(oids, this.#jobEntries[attacked]! * hashBytes, format);
      throw new PackError("PACK_COLLISION", `SHA-1 appears to be part of a collision attack: ${oid}`, {
        oid,
      });
    }
  }

  /** Writes `"type size\0"` in front of an object's content and answers where it starts. */
  #writeHeader(memory: Uint8Array, i: number): number {
    let at = this.#at[i]! - 1;
    memory[at] = 0;
    let rest = this.#bytes[i]!;
    do {
      const tens = Math.floor(rest / 10);
      memory[--at] = ZERO + rest - tens * 10;
      rest = tens;
    } while (rest > 0);
    const prefix = this.#prefixes[this.#kinds[i]! - 1]!;
    at -= prefix.length;
    for (let k = 0; k < prefix.length; k++) memory[at + k] = prefix[k]!;
    return at;
  }
}
