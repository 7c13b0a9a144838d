import { type DirectoryEntry, Errno, OPENED, type Opened, ROOT_ID } from "@millrace/fuse";
import type { Answer, ListedEntry, View, ViewNode, Waiting } from "../../view/view.ts";
import { whenHere } from "../../view/wait.ts";
import { ListingHabit, type Telling } from "./listing-habit.ts";
import type { ShownNodes } from "./shown-nodes.ts";

/** A directory that is open: its listing, and the node it belongs to. */
interface OpenDirectory {
  readonly node: ViewNode;
  /** `undefined` until somebody reads it: the kernel may have kept what was read before. */
  entries: readonly ListedEntry[] | undefined;
  telling: Telling;
}

const WITHOUT_NODES: Telling = { withNodes: false, except: undefined };

/** The directories that the kernel has open, by handle. A listing is that of the moment in which its reading begins. */
export class OpenDirectories {
  readonly #view: View;
  readonly #nodes: ShownNodes;
  readonly #directories = new Map<number, OpenDirectory>();
  readonly #habit = new ListingHabit();
  #lastHandle = 0;

  constructor(view: View, nodes: ShownNodes) {
    this.#view = view;
    this.#nodes = nodes;
  }

  open(nodeId: number, waiting: Waiting): Answer<Opened> {
    const node = this.#view.node(nodeId);
    return whenHere(this.#view.enter(node, waiting), () => {
      this.#directories.set(++this.#lastHandle, { node, entries: undefined, telling: WITHOUT_NODES });
      return { handle: this.#lastHandle, flags: OPENED.CACHE_DIR | OPENED.KEEP_CACHE };
    });
  }

  read(handle: number, offset: number, plus: boolean, waiting: Waiting): Answer<Iterable<DirectoryEntry>> {
    const directory = this.#directories.get(handle);
    if (directory === undefined) throw new Errno("EBADF");
    const { entries } = directory;
    // Who reads its beginning again wants to know what is there by then.
    if (offset > 0 && entries !== undefined) return this.#begun(directory, entries, offset, plus);
    return whenHere(this.#view.list(directory.node, waiting), (listed) => {
      directory.entries = listed;
      return this.#begun(directory, listed, offset, plus);
    });
  }

  /** Somebody looks for a name in a directory. */
  lookup(nodeId: number, name: string): void {
    this.#habit.lookup(nodeId, name);
  }

  close(handle: number): void {
    this.#directories.delete(handle);
  }

  #begun(
    directory: OpenDirectory,
    entries: readonly ListedEntry[],
    offset: number,
    plus: boolean,
  ): Iterable<DirectoryEntry> {
    if (offset === 0 && plus) directory.telling = this.#habit.list(directory.node.id, entries);
    return this.#lines(directory, entries, offset, plus);
  }

  /**
   * The lines of a directory from one on. Where the kernel would take nodes, it gets those of known size: the size that it is told
   * with a node counts, so the others are looked up by those who want them.
   */
  *#lines(
    { node, telling }: OpenDirectory,
    entries: readonly ListedEntry[],
    offset: number,
    plus: boolean,
  ): Generator<DirectoryEntry> {
    const view = this.#view;
    const { mode } = node.attributes;
    if (offset < 1) yield { name: ".", ino: node.id === ROOT_ID ? 1 : node.ino, mode, nextOffset: 1 };
    if (offset < 2) yield { name: "..", ino: view.parent(node).ino, mode, nextOffset: 2 };
    for (let i = Math.max(0, offset - 2); i < entries.length; i++) {
      const entry = entries[i]!;
      const line = { name: entry.name, ino: entry.ino, mode: entry.mode, nextOffset: i + 3 };
      const isTold =
        plus && (entry.kind === "directory" || (telling.withNodes && entry.name !== telling.except));
      const child = isTold ? this.#child(node, entry) : undefined;
      yield child?.sizeBytes === undefined ? line : { ...line, entry: this.#nodes.entryOf(child) };
    }
  }

  /** `undefined` where it has gone meanwhile. */
  #child(node: ViewNode, entry: ListedEntry): ViewNode | undefined {
    try {
      return this.#view.child(node, entry);
    } catch (error) {
      if ((error as { readonly code?: unknown }).code === "ENOENT") return undefined;
      throw error;
    }
  }
}
