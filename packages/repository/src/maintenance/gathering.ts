import {
  comparePackOrder,
  LOOSE,
  type LooseSource,
  type ObjectFormat,
  oidFromBytes,
  type RepackPlaces,
} from "@millrace/pack";
import type { Snapshot } from "@millrace/storage";
import { RepositoryError } from "../errors.ts";
import { OidTable } from "../objects/oid-table.ts";
import type { OpenPack } from "../objects/pack-set.ts";

/** Where objects may be taken from. */
export interface GatheringSources {
  readonly format: ObjectFormat;
  readonly snapshot: Snapshot;
  /** Packs that are to be put together. */
  readonly joined: readonly OpenPack[];
  /** Packs of this repository that stay: what they have is not taken. */
  readonly staying: readonly OpenPack[];
  /** The repository's own loose objects. */
  readonly isLoose: (oid: string) => boolean;
  readonly signal: AbortSignal | undefined;
}

/** What became of an object that was to be taken. */
export type Taken = "taken" | "known" | "stays" | "absent";

/** Collects the objects of a new pack, each once and from one place, in the order they are added. */
export class Gathering {
  readonly table: OidTable;
  readonly #sources: GatheringSources;
  readonly #packs: readonly OpenPack[];
  readonly #numbers: number[] = [];
  readonly #positions: number[] = [];
  readonly #loose: LooseSource[] = [];

  constructor(sources: GatheringSources) {
    this.#sources = sources;
    this.table = new OidTable(sources.format);
    // Bases of stored deltas come from the pack that has most of them.
    this.#packs = sources.joined.toSorted((a, b) => comparePackOrder(a.reader.index, b.reader.index));
  }

  get count(): number {
    return this.table.size;
  }

  /** Takes the object with this raw id from where it is. */
  async take(oid: Uint8Array): Promise<Taken> {
    if (this.table.find(oid) >= 0) return "known";
    for (const { reader } of this.#sources.staying) if (reader.index.find(oid) >= 0) return "stays";
    for (const [number, { reader }] of this.#packs.entries()) {
      const position = reader.index.find(oid);
      if (position < 0) continue;
      this.#put(oid, number, position);
      return "taken";
    }
    const { format, snapshot, isLoose, signal } = this.#sources;
    const hex = oidFromBytes(oid, 0, format);
    if (!isLoose(hex)) return "absent";
    const object = await snapshot.openLoose(hex, { signal });
    if (object === undefined) return "absent";
    const { type, sizeBytes } = object;
    this.#put(
      oid,
      LOOSE,
      this.#loose.push({ oid: hex, type, sizeBytes, stream: () => object.stream({ signal }) }) - 1,
    );
    return "taken";
  }

  /** What was collected, for `repack`. */
  places(): RepackPlaces & { readonly find: (oid: Uint8Array, offset: number) => number } {
    return {
      packs: this.#packs.map(({ reader }) => reader),
      loose: this.#loose,
      sources: Uint16Array.from(this.#numbers),
      positions: Uint32Array.from(this.#positions),
      find: (oid, offset) => this.table.find(oid, offset),
    };
  }

  #put(oid: Uint8Array, source: number, position: number): void {
    this.table.add(oid);
    this.#numbers.push(source);
    this.#positions.push(position);
  }
}

/** What a walk has found and no place has. */
export function missing(oid: Uint8Array, format: ObjectFormat): RepositoryError {
  const hex = oidFromBytes(oid, 0, format);
  return new RepositoryError("REPOSITORY_OBJECT_MISSING", `object ${hex} is missing`, { oid: hex });
}
