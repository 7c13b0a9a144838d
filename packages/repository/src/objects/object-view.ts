import {
  type CommitGraphFile,
  type ObjectFormat,
  type ObjectType,
  type Oid,
  type OperationOptions,
  type PackedObject,
  type PackedStream,
  oidFromBytes,
  oidToBytes,
} from "@millrace/pack";
import type { LooseObject, Snapshot } from "@millrace/storage";
import { RepositoryError } from "../errors.ts";
import type { GraphSet } from "./graph-set.ts";
import type { BitmappedPack } from "./bitmapped-pack.ts";
import type { OpenPack, PackSet } from "./pack-set.ts";

/** Where a packed object lies: `pack number * 2^32 + position in its index`; -1 where no pack has it. */
export type PackedPlace = number;

const PLACE_BASE = 0x1_0000_0000;
const LOOSE_CONTENT_LIMIT = 512 * 1024 * 1024;
/** How often the store is looked at again for one object while its packs keep changing. */
const MAX_LOOKS = 8;
/** So many objects and more are looked for in a list of the loose ones, fewer one by one. */
const LISTED_FROM = 256;

/** An object's type and inflated size. */
export interface ObjectInfo {
  readonly type: ObjectType;
  readonly sizeBytes: number;
}

/** Reads objects by raw id; what a walk needs. */
export interface ObjectReader {
  readonly format: ObjectFormat;
  /** `content` is shared with a cache: read-only. Throws `REPOSITORY_OBJECT_MISSING`. */
  read(oid: Uint8Array): Promise<PackedObject>;
  info(oid: Uint8Array): Promise<ObjectInfo | undefined>;
  has(oid: Uint8Array): Promise<boolean>;
  /** Whether an open pack has it: what it says without waiting, looking for nothing that may have come. */
  isPacked(oid: Uint8Array): boolean;
  /** What is known of objects without reading them. */
  graphs(options?: GraphsOptions): Promise<GraphSet | undefined>;
  /** git's own bitmaps, of packs that no graph is known of. */
  bitmaps(options?: BitmapsOptions): Promise<readonly BitmappedPack[]>;
  /** What git has noted of commits, whether or not these are still here. */
  commitGraph(): Promise<CommitGraphFile | undefined>;
}

/** How graphs are asked for. */
export interface GraphsOptions {
  /** Most of the history is about to be walked: graphs that are missing are built first, which takes less time than reading it. */
  readonly build?: boolean | undefined;
  /** Others will ask the same way: packs that git's bitmaps have spared a graph get one in the background. */
  readonly wanted?: boolean | undefined;
}

/** How bitmaps are asked for. */
export interface BitmapsOptions {
  /** Also of packs that may have a graph which is not in memory: none is read to find out. */
  readonly unread?: boolean | undefined;
}

/** All objects of one snapshot, packed and loose. */
export class ObjectView implements ObjectReader, AsyncDisposable {
  readonly format: ObjectFormat;
  readonly #snapshot: Snapshot;
  readonly #set: PackSet;
  readonly #signal: AbortSignal | undefined;
  /** Append-only, so that places stay valid when a miss finds packs that came later. */
  readonly #packs: OpenPack[] = [];
  /** The ids that the newest listing named. */
  #listed: ReadonlySet<string> = new Set();
  /** The pack of the last hit is asked first: neighbours are asked for together. */
  #favourite = 0;
  #commitGraph: Promise<CommitGraphFile | undefined> | undefined;

  private constructor(snapshot: Snapshot, set: PackSet, signal: AbortSignal | undefined) {
    this.format = snapshot.objectFormat;
    this.#snapshot = snapshot;
    this.#set = set;
    this.#signal = signal;
  }

  static async open(snapshot: Snapshot, set: PackSet, options: OperationOptions = {}): Promise<ObjectView> {
    const view = new ObjectView(snapshot, set, options.signal);
    view.#packs.push(...(await set.acquire(snapshot, options)));
    view.#listed = new Set(view.#packs.map(({ id }) => id));
    return view;
  }

  get packs(): readonly OpenPack[] {
    return this.#packs;
  }

  /** Looks into the open packs only; never waits. */
  findPacked(oid: Uint8Array, offset = 0): PackedPlace {
    const packs = this.#packs;
    const favourite = this.#favourite;
    for (let i = 0; i < packs.length; i++) {
      const number = i === 0 ? favourite : i <= favourite ? i - 1 : i;
      const position = packs[number]!.reader.index.find(oid, offset);
      if (position >= 0) {
        this.#favourite = number;
        return number * PLACE_BASE + position;
      }
    }
    return -1;
  }

  packOf(place: PackedPlace): OpenPack {
    return this.#packs[Math.floor(place / PLACE_BASE)]!;
  }

  packNumberOf(place: PackedPlace): number {
    return Math.floor(place / PLACE_BASE);
  }

  positionOf(place: PackedPlace): number {
    return place % PLACE_BASE;
  }

  /**
   * Finds an object wherever it is. git may repack meanwhile, so a look can fall between a pack's end and the beginning of
   * the one that has its objects now: an object is missing when it was not there between two listings that agree.
   */
  async find(oid: Uint8Array): Promise<PackedPlace | LooseObject | undefined> {
    const place = this.findPacked(oid);
    if (place >= 0) return place;
    const hex = oidFromBytes(oid, 0, this.format);
    let found: PackedPlace | LooseObject | undefined = await this.#openLoose(hex);
    for (let look = 0; found === undefined && look < MAX_LOOKS && (await this.#lookAgain()); look++) {
      found = await this.#findNow(hex);
    }
    return found;
  }

  async has(oid: Uint8Array): Promise<boolean> {
    return (await this.find(oid)) !== undefined;
  }

  isPacked(oid: Uint8Array): boolean {
    return this.findPacked(oid) >= 0;
  }

  /** Which of these objects are here; looks again for all of them at once. */
  async hasEach(oids: readonly Oid[]): Promise<readonly boolean[]> {
    let found = await this.#areHere(oids);
    for (let look = 0; found.includes(false) && look < MAX_LOOKS && (await this.#lookAgain()); look++) {
      found = await this.#areHere(oids);
    }
    return found;
  }

  /** The ids of the objects, packed or loose, that begin with these digits of hex; looks again where there are none. */
  async withPrefix(hex: string): Promise<ReadonlySet<Oid>> {
    let found = await this.#withPrefixNow(hex);
    for (let look = 0; found.size === 0 && look < MAX_LOOKS && (await this.#lookAgain()); look++) {
      found = await this.#withPrefixNow(hex);
    }
    return found;
  }

  async info(oid: Uint8Array): Promise<ObjectInfo | undefined> {
    const found = await this.find(oid);
    if (typeof found !== "number") return found;
    return this.packOf(found).reader.info(this.positionOf(found), { signal: this.#signal });
  }

  async read(oid: Uint8Array): Promise<PackedObject> {
    const place = this.findPacked(oid);
    if (place >= 0) return this.#readPacked(place);
    const hex = oidFromBytes(oid, 0, this.format);
    const found = await this.find(oid);
    if (found === undefined) {
      throw new RepositoryError("REPOSITORY_OBJECT_MISSING", `object ${hex} is missing`, { oid: hex });
    }
    return typeof found === "number" ? this.#readPacked(found) : readLoose(found, hex, this.#signal);
  }

  /** The object's content piece by piece, `undefined` where it is not here; a large one is never held whole. */
  async stream(oid: Uint8Array): Promise<PackedStream | undefined> {
    const found = await this.find(oid);
    if (found === undefined) return undefined;
    const signal = this.#signal;
    if (typeof found !== "number") {
      return { type: found.type, sizeBytes: found.sizeBytes, content: found.stream({ signal }) };
    }
    return this.packOf(found).reader.stream(this.positionOf(found), { signal });
  }

  bitmaps(options: BitmapsOptions = {}): Promise<readonly BitmappedPack[]> {
    return this.#set.bitmapsOf(this.#packs, { ...options, signal: this.#signal });
  }

  commitGraph(): Promise<CommitGraphFile | undefined> {
    this.#commitGraph ??= this.#set.commitGraphOf(this.#snapshot, { signal: this.#signal });
    return this.#commitGraph;
  }

  graphs(options: GraphsOptions = {}): Promise<GraphSet | undefined> {
    return this.#set.graphsOf(this.#packs, { ...options, signal: this.#signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#set.release(this.#packs.splice(0));
  }

  #readPacked(place: PackedPlace): Promise<PackedObject> {
    const pack = this.packOf(place);
    pack.demand.reads++;
    return pack.reader.read(this.positionOf(place), { signal: this.#signal });
  }

  async #findNow(hex: Oid): Promise<PackedPlace | LooseObject | undefined> {
    const place = this.findPacked(oidToBytes(hex));
    return place >= 0 ? place : this.#openLoose(hex);
  }

  async #areHere(oids: readonly Oid[]): Promise<boolean[]> {
    const found = oids.map((oid) => this.findPacked(oidToBytes(oid)) >= 0);
    const unpacked = oids.filter((_, i) => found[i] === false);
    const loose = new Set<Oid>();
    if (unpacked.length < LISTED_FROM) {
      for (const oid of unpacked) if ((await this.#openLoose(oid)) !== undefined) loose.add(oid);
    } else {
      const wanted = new Set(unpacked);
      for await (const oid of this.#snapshot.listLoose({ signal: this.#signal })) {
        if (wanted.has(oid)) loose.add(oid);
      }
    }
    return found.map((isPacked, i) => isPacked || loose.has(oids[i]!));
  }

  async #withPrefixNow(hex: string): Promise<ReadonlySet<Oid>> {
    const found = new Set<Oid>();
    for (const { reader } of this.#packs) {
      for (const position of reader.index.findPrefix(hex)) found.add(reader.index.oidAt(position));
    }
    for await (const oid of this.#snapshot.listLoose({ signal: this.#signal })) {
      if (oid.startsWith(hex)) found.add(oid);
    }
    return found;
  }

  #openLoose(hex: Oid): Promise<LooseObject | undefined> {
    return this.#snapshot.openLoose(hex, { signal: this.#signal });
  }

  /** Lists the packs again, opens what is new, and tells whether the listing differs from the one before. */
  async #lookAgain(): Promise<boolean> {
    const known = new Set(this.#packs.map(({ id }) => id));
    const packs = await this.#set.acquire(this.#snapshot, { signal: this.#signal, reload: true });
    const before = this.#listed;
    this.#listed = new Set(packs.map(({ id }) => id));
    this.#packs.push(...packs.filter(({ id }) => !known.has(id)));
    await this.#set.release(packs.filter(({ id }) => known.has(id)));
    return this.#listed.size !== before.size || packs.some(({ id }) => !before.has(id));
  }
}

async function readLoose(
  loose: LooseObject,
  hex: Oid,
  signal: AbortSignal | undefined,
): Promise<PackedObject> {
  if (loose.sizeBytes > LOOSE_CONTENT_LIMIT) {
    throw new RepositoryError("REPOSITORY_WRONG_TYPE", `object ${hex} is too large to be read whole`, {
      oid: hex,
    });
  }
  const content = new Uint8Array(loose.sizeBytes);
  let filled = 0;
  for await (const piece of loose.stream({ signal })) {
    content.set(piece, filled);
    filled += piece.length;
  }
  return { type: loose.type, content };
}
