import { PackError } from "../errors.ts";
import { createObjectHasher, type Hasher } from "../hash.ts";
import type { Inflater } from "../inflate/inflater.ts";
import {
  KIND_BLOB,
  KIND_OFS_DELTA,
  KIND_REF_DELTA,
  KIND_TREE,
  objectTypeOfKind,
} from "../scan/pack-entry.ts";
import type { PackScanHandler, ScannedEntry } from "../scan/scan-handler.ts";
import type { ObjectFormat, ObjectType } from "../schema.ts";
import type { FsckFinding } from "../fsck/finding.ts";
import type { DeltaStore } from "./delta-store.ts";
import { type EntryTable, sizeWord } from "./entry-table.ts";
import { KernelInflater, INPUT_ROOM_BYTES } from "./kernel-inflater.ts";
import { type LinkOutput, startsBytes } from "./link-output.ts";
import { align, HEADROOM_BYTES, SLACK_BYTES } from "./memory-layout.ts";
import type { IntakeOptions, ObjectIntake } from "./object-intake.ts";
import type { Workspace } from "./workspace.ts";

/** Where arriving objects go. */
export interface ArrivalOptions extends IntakeOptions {
  readonly format: ObjectFormat;
  readonly workspace: Workspace;
  readonly intake: ObjectIntake;
  readonly links: LinkOutput;
}

/** Larger objects come in pieces, if they are blobs. */
const WHOLE_BYTES = 1024 * 1024;
/** Room for contents before those that wait are hashed. */
const HEAP_BYTES = 2 * 1024 * 1024;

/** Writes what the scanner finds into the table; whole objects are hashed, checked and their links gathered. */
export class ArrivingObjects implements PackScanHandler {
  readonly #table: EntryTable;
  readonly #deltas: DeltaStore;
  readonly #options: ArrivalOptions;
  readonly #heapStart: number;
  #top: number;
  #hasher: Hasher | undefined;
  refCount = 0;
  deltaCount = 0;

  constructor(table: EntryTable, deltas: DeltaStore, options: ArrivalOptions) {
    this.#table = table;
    this.#deltas = deltas;
    this.#options = options;
    const { workspace } = options;
    this.#heapStart = align(workspace.heap + INPUT_ROOM_BYTES + SLACK_BYTES);
    this.#top = this.#heapStart;
    workspace.kernel.ensure(this.#heapStart + HEAP_BYTES);
  }

  /** Makes the inflater that the scanner is to use. */
  createInflater(onOutput: (bytes: Uint8Array) => void): Inflater {
    const { workspace } = this.#options;
    const allocate = (bytes: number): number => this.#allocate(bytes);
    return new KernelInflater({
      workspace,
      inputAt: workspace.heap,
      wholeBytes: WHOLE_BYTES,
      allocate,
      onOutput,
    });
  }

  onHeader(objectCount: number): void {
    this.#table.expect(objectCount);
  }

  onEntry(entry: ScannedEntry): void {
    const table = this.#table;
    const { kind } = entry;
    const added = table.add(entry.offset, kind, entry.sizeBytes, entry.headerBytes);
    if (kind < KIND_OFS_DELTA) {
      table.types[added] = kind;
      table.objectSizes[added] = sizeWord(entry.sizeBytes);
      return;
    }
    this.deltaCount++;
    if (kind === KIND_REF_DELTA) {
      this.refCount++;
      table.oids.set(entry.baseOid!, added * table.hashBytes);
      return;
    }
    const base = table.find(entry.baseOffset);
    if (base < 0) {
      throw new PackError(
        "PACK_MISSING_BASE",
        `no entry starts where the delta at ${entry.offset} has its base`,
        { offset: entry.offset },
      );
    }
    table.bases[added] = base;
  }

  onContent(entry: ScannedEntry, bytes: Uint8Array): void {
    const isWhole = bytes.length === entry.sizeBytes;
    const type = objectTypeOfKind(entry.kind);
    if (type === undefined) {
      if (isWhole) this.#deltas.keep(entry.index, bytes);
      if (this.#isInKernel(bytes)) this.#top = bytes.byteOffset - HEADROOM_BYTES;
      return;
    }
    if (isWhole && bytes.length <= WHOLE_BYTES) this.#takeWhole(entry, type, bytes);
    else if (isWhole) this.#takeLarge(entry, type, bytes);
    else {
      this.#hash(entry, type, bytes);
      this.#options.visitPiece?.(type, entry.sizeBytes, bytes);
    }
  }

  onEntryEnd(entry: ScannedEntry): void {
    const { oids, hashBytes, crcs } = this.#table;
    crcs[entry.index] = entry.crc32;
    if (this.#hasher === undefined) return;
    const oid = this.#hasher.digest();
    this.#hasher = undefined;
    oids.set(oid, entry.index * hashBytes);
    this.#options.visit?.(objectTypeOfKind(entry.kind)!, oid, entry.sizeBytes, undefined);
  }

  /** Hashes what still waits. */
  finish(): void {
    this.#settle();
  }

  #takeWhole(entry: ScannedEntry, type: ObjectType, bytes: Uint8Array): void {
    const { workspace, intake, links } = this.#options;
    const { kernel } = workspace;
    const { index, kind } = entry;
    let at = bytes.byteOffset;
    if (!this.#isInKernel(bytes)) {
      at = this.#allocate(bytes.length);
      kernel.bytes.set(bytes, at);
    }
    const size = bytes.length;
    let findings: readonly FsckFinding[] | undefined;
    if (kind === KIND_TREE) {
      // The starts of its entries are of no use here: they may go where the next object comes.
      kernel.ensure(this.#top + startsBytes(size, this.#table.hashBytes));
      findings = intake.checkTree(links.scanTree(index, at, size, this.#top, true), at, size);
    } else if (kind !== KIND_BLOB) {
      links.add(index, type, kernel.bytes.subarray(at, at + size));
      findings = intake.check(type, at, size);
    }
    intake.take(index, kind, at, size, findings);
    if (intake.isFull) this.#settle();
  }

  /** A commit, tree or tag too large for the kernel's part: rare, and held already. */
  #takeLarge(entry: ScannedEntry, type: ObjectType, bytes: Uint8Array): void {
    const { session, onFindings, visit, links } = this.#options;
    this.#hash(entry, type, bytes);
    const oid = this.#hasher!.digest();
    this.#hasher = undefined;
    this.#table.oids.set(oid, entry.index * this.#table.hashBytes);
    links.add(entry.index, type, bytes);
    const findings = session?.check(type, bytes) ?? [];
    if (findings.length > 0) onFindings?.(type, oid, findings);
    visit?.(type, oid, bytes.length, bytes);
  }

  #hash(entry: ScannedEntry, type: ObjectType, bytes: Uint8Array): void {
    const { format, detectCollisions } = this.#options;
    this.#hasher ??= createObjectHasher(format, type, entry.sizeBytes, { detectCollisions });
    this.#hasher.update(bytes);
  }

  #allocate(bytes: number): number {
    if (this.#top + HEADROOM_BYTES + bytes + SLACK_BYTES > this.#heapStart + HEAP_BYTES) this.#settle();
    const at = this.#top + HEADROOM_BYTES;
    this.#top = align(at + bytes + SLACK_BYTES);
    return at;
  }

  #settle(): void {
    this.#options.intake.flush(this.#table);
    this.#top = this.#heapStart;
  }

  #isInKernel(bytes: Uint8Array): boolean {
    return bytes.buffer === this.#options.workspace.kernel.bytes.buffer;
  }
}
