import { join } from "node:path";
import type { BaseContents } from "../view/base-contents.ts";
import { ChangeLog, type ChangedPaths, insideOf } from "./change-log.ts";
import { putChanges, takeChanges } from "./change-log-file.ts";
import { NodeNames, pathOf } from "./node-names.ts";
import type { OverlayStore } from "./overlay-store.ts";
import type { OverlayViewNode } from "./overlay-view-node.ts";
import { isDirectory } from "../view/mode.ts";

const FILE = "changes";
/** Rows that are looked at in a directory that moves: with more below, anything may have changed. */
const MAX_ROWS = 2000;

/** What has changed in a view: every change is noted before it can be seen, by all paths that it shows at. */
export class ViewChanges {
  readonly #file: string;
  readonly #store: OverlayStore;
  readonly #contents: BaseContents;
  readonly #log: ChangeLog;
  /** Whether everything was as the base has it when this began. */
  readonly #isFirst: boolean;
  readonly #names = new NodeNames();
  readonly #isAlive: (node: OverlayViewNode) => boolean;

  /** @param isAlive whether a node is still the view's for what it shows */
  constructor(
    folder: string,
    store: OverlayStore,
    contents: BaseContents,
    isAlive: (node: OverlayViewNode) => boolean,
  ) {
    this.#file = join(folder, FILE);
    this.#store = store;
    this.#contents = contents;
    const saved = takeChanges(this.#file, store.last);
    const { changed, deleted } = store.statistics;
    this.#isFirst = saved === undefined && changed === 0 && deleted === 0;
    this.#log = new ChangeLog(saved);
    this.#isAlive = isAlive;
  }

  /** The token of the moment in which everything was as the base has it; `undefined` where that is not known. */
  get beginning(): string | undefined {
    return this.#isFirst ? this.#log.beginning : undefined;
  }

  /** As `ChangeLog.since`. */
  async since(token: string): Promise<ChangedPaths> {
    return await this.#log.since(token, (oid) => this.#contents.read(oid));
  }

  /** A node was found by a name. */
  found(node: OverlayViewNode, directory: OverlayViewNode, name: string): void {
    this.#names.found(node, directory, name);
  }

  /** A name leads to a node now. @param isMoved it has been elsewhere, with all that is below it */
  came(node: OverlayViewNode, directory: OverlayViewNode, name: string, isMoved = false): void {
    this.#noteName(node, directory, name, isMoved);
    this.#names.found(node, directory, name);
    if (node.nlink > 1) this.changed(node);
  }

  /** A name leads to a node no more. @param isMoved as in `came` */
  went(node: OverlayViewNode, directory: OverlayViewNode, name: string, isMoved = false): void {
    this.#noteName(node, directory, name, isMoved);
    this.#names.lost(node, directory, name);
    // Its other links show another time of change.
    if (!isDirectory(node.state) && node.nlink > 1) this.changed(node);
  }

  /** A node's content or attributes have changed. */
  changed(node: OverlayViewNode): void {
    const paths = this.#names.pathsOf(node, this.#isAlive);
    if (paths === undefined) this.#log.noteAll();
    else for (const path of paths) this.#log.note(isDirectory(node.state) ? `${path}/` : path);
  }

  /** Keeps what is known, for the next view of this folder; where that cannot be, nothing is known then. */
  save(): void {
    try {
      putChanges(this.#file, this.#store.last, this.#log.save());
    } catch {
      // The next view begins anew.
    }
  }

  #noteName(node: OverlayViewNode, directory: OverlayViewNode, name: string, isMoved: boolean): void {
    const above = pathOf(directory, this.#isAlive);
    if (above === undefined) this.#log.noteAll();
    else if (!isDirectory(node.state)) this.#log.note(above + name);
    else {
      this.#log.note(`${above}${name}/`);
      if (isMoved && node.row !== undefined) this.#noteBelow(node.row, `${above}${name}/`);
    }
  }

  /** Whoever remembers what is in a directory remembers it by path, and has to forget it for all directories below, too. */
  #noteBelow(row: number, path: string): void {
    const left = [{ row, path }];
    let count = 0;
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const { oid } = this.#store.node(next.row) ?? {};
      this.#log.note(insideOf(next.path));
      if (oid !== undefined) this.#log.note(next.path, oid);
      for (const [name, node] of this.#store.rowsOf(next.row)) {
        if (++count > MAX_ROWS) {
          this.#log.noteAll();
          return;
        }
        if (isDirectory(node)) left.push({ row: node.id, path: `${next.path}${name}/` });
      }
    }
  }
}
