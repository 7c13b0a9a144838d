import { Refusal } from "../view/refusal.ts";
import { isDirectory, isFile } from "../view/mode.ts";
import { BackingFiles, type ContentSource } from "./backing-files.ts";
import { now } from "./clock.ts";
import { GuardedContents } from "./guarded-contents.ts";
import type { OverlayNode } from "./row.ts";
import type { RowStore } from "./row-store.ts";

const MAX_FILE_BYTES = 2 ** 44;

/**
 * The contents of an overlay's files, which are those of the base until somebody changes them. A content that no row names any
 * more stays until that is durable: a loss of power must not take a file and leave its row.
 */
export class FileContents {
  readonly #rows: RowStore;
  readonly #replace: (node: OverlayNode) => OverlayNode;
  readonly #files: BackingFiles;
  readonly #guarded: GuardedContents;
  /** Contents that no row names any more, by the change since which that is so. */
  #doomed: { readonly name: string; readonly since: number }[] = [];

  /**
   * @param folder is made, and swept where the rows were left in the middle of something
   * @param replace puts a row in the place of the one that its node has
   */
  constructor(folder: string, rows: RowStore, replace: (node: OverlayNode) => OverlayNode) {
    this.#rows = rows;
    this.#replace = replace;
    this.#files = new BackingFiles(folder);
    this.#guarded = new GuardedContents(this.#files, (id) => rows.node(id));
    rows.beforeDurable = (): Promise<void> => this.#guarded.sync();
    rows.onDurable = (last): void => this.#removeDoomed(last);
    if (!rows.wasInterrupted) return;
    const kept = new Set<string>();
    for (const { backing } of rows.nodes()) if (backing !== undefined) kept.add(backing);
    this.#files.sweep(kept);
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
    const { backing, sizeBytes = 0 } = this.#content(id);
    if (backing !== undefined) return this.#files.read(backing, sizeBytes, offset, length);
    return new Uint8Array(Math.max(0, Math.min(length, sizeBytes - offset)));
  }

  /**
   * Writes `data`, all of it but where the disk is full: then what there was room for. Only where the content is here.
   * @returns bytes written
   * @throws Refusal EFBIG, EISDIR, EINVAL, ESTALE; ENOSPC where there was room for nothing
   */
  write(id: number, offset: number, data: Uint8Array): number {
    const node = this.#content(id);
    if (offset + data.length > MAX_FILE_BYTES) throw new Refusal("EFBIG");
    if (data.length === 0) return 0;
    const { sizeBytes = 0 } = node;
    const backing = this.whereRoom(() => node.backing ?? this.#files.create());
    try {
      const written = this.whereRoom(() => this.#files.write(backing, sizeBytes, offset, data));
      const time = now();
      const replaced = this.#replace({
        ...node,
        backing,
        sizeBytes: Math.max(sizeBytes, offset + written),
        mtime: time,
        ctime: time,
        isChanged: true,
      });
      if (node.backing === undefined) this.#guarded.addFirst(replaced);
      return written;
    } catch (error) {
      if (node.backing === undefined) this.#files.remove(backing);
      else this.#files.cut(backing, sizeBytes);
      throw error;
    }
  }

  /**
   * Cuts a file, or lets it grow by zeros.
   * @param source of the content where `isElsewhere` and something of it stays
   * @throws Refusal EFBIG, EINVAL, EISDIR, ESTALE
   */
  truncate(id: number, sizeBytes: number, source?: ContentSource): void | Promise<void> {
    if (sizeBytes > MAX_FILE_BYTES) throw new Refusal("EFBIG");
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw new Refusal("EINVAL");
    const resized = (node: OverlayNode): OverlayNode => {
      const time = now();
      return { ...node, sizeBytes, mtime: time, ctime: time, isChanged: true };
    };
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
      this.#replace({ ...resized(node), oid: undefined, backing: undefined });
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
    const copied = (backing: string): void => {
      try {
        const node = this.#living(id);
        const isCopied = node.oid === oid && oid !== undefined;
        const finished = finish({
          node: isCopied ? { ...node, oid: undefined, backing, sizeBytes, isChanged: true } : node,
          isCopied,
        });
        if (isCopied && finished !== undefined) this.#guarded.add(this.#replace(finished));
        if (!isCopied) this.#files.remove(backing);
      } catch (error) {
        this.#files.remove(backing);
        throw error;
      }
    };
    const copy = this.whereRoom(() => this.#files.copy(source, sizeBytes));
    return typeof copy === "string" ? copied(copy) : copy.then(copied);
  }

  #living(id: number): OverlayNode {
    const node = this.#rows.node(id);
    if (node === undefined) throw new Refusal("ESTALE");
    return node;
  }

  /** A file whose content is here. */
  #content(id: number): OverlayNode {
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
