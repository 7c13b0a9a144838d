import { Refusal } from "../view/refusal.ts";
import { isDirectory, isFile } from "../view/mode.ts";
import { BackingFiles, type ContentSource, readSource } from "./backing-files.ts";
import { now } from "./clock.ts";
import { GuardedContents } from "./guarded-contents.ts";
import type { OverlayNode } from "./row.ts";
import type { RowStore } from "./row-store.ts";
import { MAX_SMALL_BYTES, readSmall, writeSmall } from "./small-contents.ts";

const MAX_FILE_BYTES = 2 ** 44;
const EMPTY = new Uint8Array();

/** A content that came here, in a file or for a row. */
type Copied = { readonly backing: string } | { readonly content: Uint8Array };

/**
 * The contents of an overlay's files, which are those of the base until somebody changes them. Small ones are rows, as all else of a
 * node is; others are files. One that no row names any more stays until that is durable: a loss of power must not take a file and
 * leave its row.
 */
export class FileContents {
  readonly #rows: RowStore;
  readonly #replace: (node: OverlayNode, content?: Uint8Array) => OverlayNode;
  readonly #files: BackingFiles;
  readonly #guarded: GuardedContents;
  /** Contents that no row names any more, by the change since which that is so. */
  #doomed: { readonly name: string; readonly since: number }[] = [];

  /**
   * @param folder is made, and swept where the rows were left in the middle of something
   * @param replace puts a row in the place of the one that its node has, with its content where that is small
   */
  constructor(
    folder: string,
    rows: RowStore,
    replace: (node: OverlayNode, content?: Uint8Array) => OverlayNode,
  ) {
    this.#rows = rows;
    this.#replace = replace;
    this.#files = new BackingFiles(folder);
    this.#guarded = new GuardedContents(this.#files, (id) => rows.node(id));
    rows.beforeDurable = (): Promise<void> => this.#guarded.sync();
    rows.onDurable = (last): void => this.#removeDoomed(last);
    if (!rows.wasInterrupted) return;
    const kept = new Set<string>();
    const small = new Set<number>();
    for (const { id, backing, isSmall } of rows.nodes()) {
      if (backing !== undefined) kept.add(backing);
      if (isSmall) small.add(id);
    }
    this.#files.sweep(kept);
    rows.sweepContents(small);
  }

  /** Whether a file's content is that of its blob, so that it is read there, and has to be here before it is written to. */
  isElsewhere(id: number): boolean {
    const node = this.#living(id);
    return isFile(node) && node.oid !== undefined;
  }

  /**
   * Copies a file's content here. Where it is here already, or comes to be here meanwhile, nothing happens.
   * @param source stays open until this has ended
   */
  promote(id: number, source: ContentSource): void | Promise<void> {
    return this.#copied(id, source, source.sizeBytes, ({ node }) => node);
  }

  /** Bytes from `offset`, fewer at the end. Only where the content is here. @throws Refusal EISDIR, EINVAL, ESTALE, EIO */
  read(id: number, offset: number, length: number): Uint8Array {
    const node = this.#here(id);
    const { backing, sizeBytes = 0 } = node;
    if (backing !== undefined) return this.#files.read(backing, sizeBytes, offset, length);
    return readSmall(this.#smallOf(node), sizeBytes, offset, length);
  }

  /**
   * Writes `data`, all of it but where the disk is full: then what there was room for. Only where the content is here.
   * @returns bytes written
   * @throws Refusal EFBIG, EISDIR, EINVAL, ESTALE; ENOSPC where there was room for nothing
   */
  write(id: number, offset: number, data: Uint8Array): number {
    const node = this.#here(id);
    const end = offset + data.length;
    if (end > MAX_FILE_BYTES) throw new Refusal("EFBIG");
    if (data.length === 0) return 0;
    const { backing, sizeBytes = 0 } = node;
    if (backing !== undefined || Math.max(sizeBytes, end) > MAX_SMALL_BYTES)
      return this.#writeFile(node, offset, data);
    const content = writeSmall(this.#smallOf(node), offset, data);
    this.#replace({ ...written(node, end), isSmall: true }, content);
    return data.length;
  }

  /**
   * Cuts a file, or lets it grow by zeros.
   * @param source of the content where `isElsewhere` and something of it stays
   * @throws Refusal EFBIG, EINVAL, EISDIR, ESTALE
   */
  truncate(id: number, sizeBytes: number, source?: ContentSource): void | Promise<void> {
    if (sizeBytes > MAX_FILE_BYTES) throw new Refusal("EFBIG");
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw new Refusal("EINVAL");
    const resized = (node: OverlayNode): OverlayNode => ({ ...written(node, 0), sizeBytes });
    if (sizeBytes > 0 && this.isElsewhere(id)) {
      if (source === undefined) throw new Error("a truncation needs the content of the file");
      return this.#copied(id, source, Math.min(sizeBytes, source.sizeBytes), ({ node, isCopied }) => {
        if (!isCopied) this.#truncateHere(node, sizeBytes, resized);
        return isCopied ? resized(node) : undefined;
      });
    }
    this.#truncateHere(this.#living(id), sizeBytes, resized);
  }

  /** Puts a content where it survives a loss of power. @throws errors of `node:fs` */
  async sync({ backing, sizeBytes = 0 }: OverlayNode): Promise<void> {
    if (backing !== undefined) await this.#files.sync(backing, sizeBytes);
  }

  /** A node that is new: no content was lost for its first one. */
  born(id: number): void {
    this.#guarded.born(id);
  }

  /** A node that stands where another one stood. */
  cameOver(node: OverlayNode): void {
    this.#guarded.add(node);
  }

  /** Contents that no row names any more since the newest change. */
  dropped(names: readonly string[]): void {
    const { last, durable } = this.#rows;
    for (const name of names) this.#doomed.push({ name, since: last });
    if (names.length > 0 && durable === last) this.#removeDoomed(last);
  }

  /** Tries, and where the disk is full once more without the files that could go. */
  whereRoom<T>(attempt: () => T): T {
    try {
      return attempt();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC" || this.#doomed.length === 0) throw error;
      this.#guarded.syncNow();
      this.#rows.syncNow();
      return attempt();
    }
  }

  /** When all rows are durable. */
  close(): void {
    this.#removeDoomed(Infinity);
    this.#files.close();
  }

  #truncateHere(node: OverlayNode, sizeBytes: number, resized: (node: OverlayNode) => OverlayNode): void {
    if (isDirectory(node)) throw new Refusal("EISDIR");
    if (!isFile(node)) throw new Refusal("EINVAL");
    const before = node.sizeBytes ?? 0;
    if (sizeBytes === 0) {
      // A new file for what comes: until this is durable, the old content may be needed.
      this.#replace({ ...resized(node), oid: undefined, backing: undefined, isSmall: undefined });
      return;
    }
    if (node.isSmall) {
      // What is cut must not come back when it grows.
      const content = sizeBytes < before ? this.#smallOf(node).subarray(0, sizeBytes) : undefined;
      this.#replace(resized(node), content);
      return;
    }
    // What an unfinished write left behind the end must not come to show.
    if (node.backing !== undefined) this.#files.open(node.backing, before);
    this.#replace(resized(node));
    if (node.backing !== undefined && sizeBytes < before) this.#files.cut(node.backing, sizeBytes);
  }

  /** Copies `sizeBytes` of a content; `finish` says what becomes of the node. */
  #copied(
    id: number,
    source: ContentSource,
    sizeBytes: number,
    finish: (state: { node: OverlayNode; isCopied: boolean }) => OverlayNode | undefined,
  ): void | Promise<void> {
    const { oid } = this.#living(id);
    if (!this.isElsewhere(id)) return;
    const copied = (copy: Copied): void => {
      const [backing, content] = "backing" in copy ? [copy.backing] : [undefined, copy.content];
      try {
        const node = this.#living(id);
        const isCopied = node.oid === oid && oid !== undefined;
        const isSmall = backing === undefined ? true : undefined;
        const finished = finish({
          node: isCopied ? { ...node, oid: undefined, backing, isSmall, sizeBytes, isChanged: true } : node,
          isCopied,
        });
        if (isCopied && finished !== undefined) this.#guarded.add(this.#replace(finished, content));
        if (!isCopied && backing !== undefined) this.#files.remove(backing);
      } catch (error) {
        if (backing !== undefined) this.#files.remove(backing);
        throw error;
      }
    };
    if (sizeBytes <= MAX_SMALL_BYTES) {
      copied({ content: readSource(source, sizeBytes) });
      return;
    }
    const copy = this.whereRoom(() => this.#files.copy(source, sizeBytes));
    if (typeof copy === "string") copied({ backing: copy });
    else return copy.then((backing) => copied({ backing }));
  }

  /** `write` to a file, which is made where the content has none yet. */
  #writeFile(node: OverlayNode, offset: number, data: Uint8Array): number {
    const { sizeBytes = 0 } = node;
    const small = node.backing === undefined ? this.#smallOf(node) : EMPTY;
    const backing = this.whereRoom(() => node.backing ?? this.#files.create());
    try {
      this.whereRoom(() => this.#fill(backing, small));
      const count = this.whereRoom(() => this.#files.write(backing, sizeBytes, offset, data));
      const replaced = this.#replace({ ...written(node, offset + count), backing, isSmall: undefined });
      if (node.backing === undefined) this.#guarded.addFirst(replaced);
      return count;
    } catch (error) {
      if (node.backing === undefined) this.#files.remove(backing);
      else this.#files.cut(backing, sizeBytes);
      throw error;
    }
  }

  /** Puts what a row had at the beginning of a file, all of it. */
  #fill(backing: string, content: Uint8Array): void {
    const { length } = content;
    if (length > 0 && this.#files.write(backing, length, 0, content) < length) throw new Refusal("ENOSPC");
  }

  #smallOf({ id, isSmall }: OverlayNode): Uint8Array {
    return (isSmall ? this.#rows.content(id) : undefined) ?? EMPTY;
  }

  #living(id: number): OverlayNode {
    const node = this.#rows.node(id);
    if (node === undefined) throw new Refusal("ESTALE");
    return node;
  }

  /** A file whose content is here. */
  #here(id: number): OverlayNode {
    const node = this.#living(id);
    if (isDirectory(node)) throw new Refusal("EISDIR");
    if (!isFile(node)) throw new Refusal("EINVAL");
    if (node.oid !== undefined) throw new Error(`the content of node ${id} is not here`);
    return node;
  }

  #removeDoomed(last: number): void {
    const doomed = this.#doomed;
    this.#doomed = doomed.filter(({ since }) => since > last);
    for (const { name, since } of doomed) if (since <= last) this.#files.remove(name);
  }
}

/** A node whose content is another one, up to `end` at least. */
function written(node: OverlayNode, end: number): OverlayNode {
  const time = now();
  const sizeBytes = Math.max(node.sizeBytes ?? 0, end);
  return { ...node, sizeBytes, mtime: time, ctime: time, isChanged: true };
}
