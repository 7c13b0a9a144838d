import { type ObjectFormat, type Oid, oidFromBytes, PackError, walkTree } from "@millrace/pack";
import { MountError } from "../errors.ts";
import type { SizeBook } from "../hydrator/size-book.ts";
import { inodeOfBytes } from "./inode.ts";
import { MODE_OF } from "./mode.ts";
import { NameTable } from "./name-table.ts";
import type { ListedEntry, NodeKind, TreeContent } from "./view.ts";

/** An entry of a tree, as a mount shows it. */
export interface BaseEntry {
  /** Bytes, one to a character. */
  readonly name: string;
  readonly kind: NodeKind;
  /** Type and permissions as they are shown. */
  readonly mode: number;
  /** Of a blob or tree, or what its content is called; of a submodule `undefined`: its commit is in another repository. */
  readonly oid: Oid | undefined;
  /** The commit of a submodule. */
  readonly commit?: Oid | undefined;
}

/** What is in a directory that nobody has changed. */
export interface BaseTree extends Iterable<[string, BaseEntry]> {
  get(name: string): BaseEntry | undefined;
  has(name: string): boolean;
  keys(): Iterable<string>;
  values(): Iterable<BaseEntry>;
  /** All of it, in the directory with an inode number. */
  list(directory: number): ListedEntry[];
  /** Notes the sizes of its blobs, as `TreeContent` has them. */
  noteSizes(sizes: Float64Array, book: SizeBook): void;
}

/** Of one name; no file system of Linux has longer ones. */
const MAX_NAME_BYTES = 255;
/** Names that would lead out of the directory, or hide git's own: git takes none of these into an index either. */
const FORBIDDEN = /^(?:\.\.?|\.git|git~1)$/i;

/**
 * Reads a tree, in its order. The content is kept.
 * @param ids as `TreeContent` has them
 * @throws MountError MOUNT_BAD_TREE where it is malformed, names something twice, or has a name that no folder can have
 */
export function parseBaseTree(
  content: Uint8Array,
  format: ObjectFormat,
  oid: Oid,
  ids?: TreeContent["ids"],
): BaseTree {
  return new PackedTree(content, format, oid, ids);
}

/** A submodule is a directory with a commit. */
const KINDS: readonly NodeKind[] = ["file", "executable", "symlink", "directory", "directory"];
const SUBMODULE = 4;
/** Longer ones are forbidden for their slashes only. */
const LONGEST_FORBIDDEN_BYTES = 5;
const SLASH = 0x2f;

/** A tree as it lies in its object: entries are made when somebody asks for them, and names found without. */
class PackedTree implements BaseTree {
  readonly #content: Uint8Array;
  readonly #format: ObjectFormat;
  readonly #ids: TreeContent["ids"];
  /** Numbers of kinds. */
  readonly #kinds: Uint8Array;
  readonly #starts: Uint32Array;
  /** Where names end; a NUL follows, and the id. */
  readonly #ends: Uint32Array;
  readonly #names: NameTable;

  constructor(content: Uint8Array, format: ObjectFormat, oid: Oid, ids: TreeContent["ids"]) {
    this.#content = content;
    this.#format = format;
    this.#ids = ids;
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    const places: number[] = [];
    try {
      walkTree(content, format, (mode, _oidStart, nameStart, nameEnd) => {
        places.push(kindOf(mode), nameStart, nameEnd);
      });
    } catch (error) {
      if (error instanceof PackError) throw badTree(oid, error.message, error);
      throw error;
    }
    const count = places.length / 3;
    this.#kinds = new Uint8Array(count);
    this.#starts = new Uint32Array(count);
    this.#ends = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      this.#kinds[i] = places[3 * i]!;
      this.#starts[i] = places[3 * i + 1]!;
      this.#ends[i] = places[3 * i + 2]!;
    }
    this.#names = new NameTable(bytes, this.#starts, this.#ends);
    for (let i = 0; i < count; i++) {
      if (this.#isForbidden(i)) throw badTree(oid, `it names ${shown(this.#names.at(i))}`);
      if (!this.#names.add(i)) throw badTree(oid, `it names ${shown(this.#names.at(i))} twice`);
    }
  }

  get(name: string): BaseEntry | undefined {
    const i = this.#names.find(name);
    return i < 0 ? undefined : this.#entry(i, name);
  }

  has(name: string): boolean {
    return this.#names.find(name) >= 0;
  }

  *keys(): Generator<string, void, undefined> {
    for (let i = 0; i < this.#kinds.length; i++) yield this.#names.at(i);
  }

  *values(): Generator<BaseEntry, void, undefined> {
    for (let i = 0; i < this.#kinds.length; i++) yield this.#entry(i);
  }

  *[Symbol.iterator](): Generator<[string, BaseEntry], void, undefined> {
    for (const entry of this.values()) yield [entry.name, entry];
  }

  list(directory: number): ListedEntry[] {
    const listed: ListedEntry[] = [];
    for (let i = 0; i < this.#kinds.length; i++) {
      const kind = KINDS[this.#kinds[i]!]!;
      const mode = MODE_OF[kind];
      const [start, end] = [this.#starts[i]!, this.#ends[i]!];
      const idAt = kind === "directory" ? -1 : end + 1;
      const ino = inodeOfBytes(directory, this.#content, start, end, mode, idAt);
      listed.push({ name: this.#names.at(i), ino, kind, mode });
    }
    return listed;
  }

  noteSizes(sizes: Float64Array, book: SizeBook): void {
    for (let i = 0; i < this.#kinds.length; i++) {
      // The size of a blob is none of what it becomes; unknown ones are NaN.
      if (!(sizes[i]! >= 0) || this.#ids?.has(this.#names.at(i)) === true) continue;
      book.learnAt(this.#content, this.#ends[i]! + 1, sizes[i]!, this.#format);
    }
  }

  #entry(i: number, name: string = this.#names.at(i)): BaseEntry {
    const kind = KINDS[this.#kinds[i]!]!;
    const id = oidFromBytes(this.#content, this.#ends[i]! + 1, this.#format);
    const isSubmodule = this.#kinds[i] === SUBMODULE;
    return {
      name,
      kind,
      mode: MODE_OF[kind],
      oid: isSubmodule ? undefined : (this.#ids?.get(name) ?? id),
      commit: isSubmodule ? id : undefined,
    };
  }

  #isForbidden(i: number): boolean {
    const [start, end] = [this.#starts[i]!, this.#ends[i]!];
    if (end - start > MAX_NAME_BYTES) return true;
    for (let at = start; at < end; at++) if (this.#content[at] === SLASH) return true;
    return end - start <= LONGEST_FORBIDDEN_BYTES && FORBIDDEN.test(this.#names.at(i));
  }
}

/** The number of an entry's kind. */
function kindOf(mode: number): number {
  const type = mode & 0o170000;
  if (type === 0o160000) return SUBMODULE;
  return KINDS.indexOf(type === 0o040000 ? "directory" : kindOfBlob(type, mode));
}

function kindOfBlob(type: number, mode: number): NodeKind {
  if (type === 0o120000) return "symlink";
  return (mode & 0o100) === 0 ? "file" : "executable";
}

function shown(name: string): string {
  return JSON.stringify(Buffer.from(name.slice(0, 80), "latin1").toString());
}

function badTree(oid: Oid, why: string, cause?: unknown): MountError {
  return new MountError("MOUNT_BAD_TREE", `the tree ${oid} cannot be shown: ${why}`, { oid, cause });
}
