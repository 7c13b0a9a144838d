import type { OverlayEntry, OverlayNode } from "./row.ts";

/** Rows that can be looked up. */
export interface Rows {
  node(id: number): OverlayNode | undefined;
  /** What is said of a name; `undefined`: nothing, so that what lies below shows. */
  entry(directory: number, name: string): OverlayEntry | undefined;
  /** The content of a node that `isSmall`, which never changes itself. */
  content(id: number): Uint8Array | undefined;
}

/** Most changes are of nodes only: what they say of all else is this, which nobody puts anything into. */
const NOTHING: Map<number, never> = new Map<number, never>();

/** Rows that go over others: a row that is put hides the one below, `null` says that there is none. */
export class RowLayer {
  readonly nodes: Map<number, OverlayNode | null> = new Map();
  #entries: Map<number, Map<string, OverlayEntry | null>> = NOTHING;
  #contents: Map<number, Uint8Array | null> = NOTHING;

  get entries(): ReadonlyMap<number, ReadonlyMap<string, OverlayEntry | null>> {
    return this.#entries;
  }

  /** By node. */
  get contents(): ReadonlyMap<number, Uint8Array | null> {
    return this.#contents;
  }

  get isEmpty(): boolean {
    return this.nodes.size === 0 && this.entries.size === 0 && this.contents.size === 0;
  }

  entry(directory: number, name: string): OverlayEntry | null | undefined {
    return this.entries.get(directory)?.get(name);
  }

  putEntry(directory: number, name: string, entry: OverlayEntry | null): void {
    let names = this.#entries.get(directory);
    if (names === undefined) {
      if (this.#entries === NOTHING) this.#entries = new Map();
      this.#entries.set(directory, (names = new Map()));
    }
    names.set(name, entry);
  }

  putContent(id: number, content: Uint8Array | null): void {
    if (this.#contents === NOTHING) this.#contents = new Map();
    this.#contents.set(id, content);
  }

  /** Takes over what an older layer says and this one does not. */
  underlay(older: RowLayer): void {
    for (const [id, node] of older.nodes) if (!this.nodes.has(id)) this.nodes.set(id, node);
    for (const [directory, names] of older.entries)
      for (const [name, entry] of names)
        if (this.entry(directory, name) === undefined) this.putEntry(directory, name, entry);
    for (const [id, content] of older.contents) if (!this.contents.has(id)) this.putContent(id, content);
  }
}

/** A change that is being made up: it shows the rows as they will be, and none of it counts before it is applied. */
export class RowChange implements Rows {
  readonly layer: RowLayer = new RowLayer();
  readonly #rows: Rows;
  #lastId: number;

  constructor(rows: Rows, lastId: number) {
    this.#rows = rows;
    this.#lastId = lastId;
  }

  get lastId(): number {
    return this.#lastId;
  }

  newId(): number {
    return ++this.#lastId;
  }

  node(id: number): OverlayNode | undefined {
    const node = this.layer.nodes.get(id);
    return node === undefined ? this.#rows.node(id) : (node ?? undefined);
  }

  entry(directory: number, name: string): OverlayEntry | undefined {
    const entry = this.layer.entry(directory, name);
    return entry === undefined ? this.#rows.entry(directory, name) : (entry ?? undefined);
  }

  content(id: number): Uint8Array | undefined {
    const content = this.layer.contents.get(id);
    return content === undefined ? this.#rows.content(id) : (content ?? undefined);
  }

  putNode(node: OverlayNode): void {
    this.layer.nodes.set(node.id, node);
  }

  deleteNode(id: number): void {
    this.layer.nodes.set(id, null);
  }

  putEntry(directory: number, name: string, entry: OverlayEntry): void {
    this.layer.putEntry(directory, name, entry);
  }

  deleteEntry(directory: number, name: string): void {
    this.layer.putEntry(directory, name, null);
  }

  /** The content of a node that is put with `isSmall`; it goes with the node, and when that has another one. */
  putContent(id: number, content: Uint8Array): void {
    this.layer.putContent(id, content);
  }
}
