import { PackError } from "../errors.ts";
import { inflateWhole } from "../inflate/inflate-whole.ts";
import { corrupt } from "../read/entry-source.ts";
import { keptDelta } from "./delta-store.ts";
import { type EntryColumns, endOfEntry, sizeOfEntry } from "./entry-table.ts";
import type { FrameStack } from "./frame-stack.ts";
import { startsBytes } from "./link-output.ts";
import { align } from "./memory-layout.ts";
import type { PackedBytes } from "./packed-entries.ts";
import { SCRATCH_BYTES, type Workspace } from "./workspace.ts";

/** Where entries are loaded from, and to. */
export interface EntryLoaderOptions {
  readonly workspace: Workspace;
  readonly columns: EntryColumns;
  /** Deltas that were kept from their arrival. */
  readonly slabs: readonly Uint8Array[];
  readonly packed: PackedBytes;
  /** Gives memory for contents. */
  readonly stack: FrameStack;
  /** Largest object that is held, in bytes. */
  readonly maxHeldBytes: number;
}

/** Brings entries of a pack into the kernel's memory; synchronous where their packed bytes are at hand. */
export class EntryLoader {
  readonly #options: EntryLoaderOptions;

  constructor(options: EntryLoaderOptions) {
    this.#options = options;
  }

  /** Brings an entry that is stored whole into memory; answers where it lies. */
  loadWhole(entry: number): number | Promise<number> {
    const { columns, maxHeldBytes } = this.#options;
    const bytes = sizeOfEntry(columns, entry);
    if (bytes > maxHeldBytes) {
      const offset = columns.offsets[entry];
      throw new PackError("PACK_LIMIT_EXCEEDED", `a delta's base of ${bytes} bytes is over the limit`, {
        offset,
      });
    }
    const packed = this.#packed(entry);
    return packed instanceof Promise
      ? packed.then((read) => this.#inflateWhole(entry, read, bytes))
      : this.#inflateWhole(entry, packed, bytes);
  }

  #inflateWhole(entry: number, packed: Uint8Array, bytes: number): number {
    const { workspace, columns } = this.#options;
    const { kernel } = workspace;
    const isSmall = packed.length <= SCRATCH_BYTES;
    const contentBytes = align(bytes) + startsBytes(bytes, columns.hashBytes) + 128;
    const at = this.#options.stack.allocate(isSmall ? contentBytes : contentBytes + 64 + packed.length);
    const packedAt = isSmall ? workspace.packed : at + contentBytes + 64;
    kernel.bytes.set(packed, packedAt);
    if (kernel.inflate(packedAt, packedAt + packed.length, at, bytes) < 0) {
      throw corrupt(columns.offsets[entry]!, "its stored bytes have changed");
    }
    return at;
  }

  /** Copies a content into memory; answers where it lies. */
  place(content: Uint8Array): number {
    const at = this.#options.stack.allocate(content.length);
    this.#options.workspace.kernel.bytes.set(content, at);
    return at;
  }

  /** The instructions of a delta entry, valid until the next call. */
  delta(entry: number): Uint8Array | Promise<Uint8Array> {
    const kept = keptDelta(this.#options.columns, this.#options.slabs, entry);
    if (kept !== undefined) return kept;
    const packed = this.#packed(entry);
    return packed instanceof Promise
      ? packed.then((read) => this.#inflateDelta(entry, read))
      : this.#inflateDelta(entry, packed);
  }

  #inflateDelta(entry: number, packed: Uint8Array): Uint8Array {
    const { workspace, columns } = this.#options;
    const { kernel } = workspace;
    const bytes = sizeOfEntry(columns, entry);
    if (bytes <= SCRATCH_BYTES && packed.length <= SCRATCH_BYTES) {
      kernel.bytes.set(packed, workspace.packed);
      const { packed: from, delta } = workspace;
      if (kernel.inflate(from, from + packed.length, delta, bytes) > 0) {
        return kernel.bytes.subarray(delta, delta + bytes);
      }
    }
    const inflated = inflateWhole(packed, 0, bytes);
    if (inflated === "truncated") throw corrupt(columns.offsets[entry]!, "its stored bytes have changed");
    return inflated.content;
  }

  #packed(entry: number): Uint8Array | Promise<Uint8Array> {
    const { columns, packed } = this.#options;
    const start = columns.offsets[entry]! + columns.headerBytes[entry]!;
    return packed.read(start, endOfEntry(columns, entry) - start);
  }
}
