import { walkTree } from "@millrace/pack";
import type { ObjectReader } from "../objects/object-view.ts";
import type { Breather } from "./breather.ts";
import { isMissingObject } from "./commit-graph.ts";
import { type ObjectMarks, SEEN, UNINTERESTING } from "./object-marks.ts";
import { readTree } from "./read-tree.ts";
import type { FoundObjects, TreeWalker } from "./tree-walker.ts";

const TYPE_MASK = 0o170000;
const TREE_MODE = 0o040000;
const GITLINK_MODE = 0o160000;

/** Whether a tree entry names an object of this repository that is a tree. */
export function isTreeMode(mode: number): boolean {
  return (mode & TYPE_MASK) === TREE_MODE;
}

/** Whether a tree entry names a commit of another repository. */
export function isGitlinkMode(mode: number): boolean {
  return (mode & TYPE_MASK) === GITLINK_MODE;
}

/** The walk where an object's place does not matter: each tree is read once in its life. */
export class TreeWalk implements TreeWalker {
  readonly #reader: ObjectReader;
  readonly #marks: ObjectMarks;
  readonly #breather: Breather;
  readonly #withBlobs: boolean;
  readonly #stack: number[] = [];

  /** Without `withBlobs` blobs are passed over. */
  constructor(reader: ObjectReader, marks: ObjectMarks, breather: Breather, withBlobs = true) {
    this.#reader = reader;
    this.#marks = marks;
    this.#breather = breather;
    this.#withBlobs = withBlobs;
  }

  async collect(root: number, found: FoundObjects): Promise<void> {
    const marks = this.#marks;
    const stack = this.#stack;
    const withBlobs = this.#withBlobs;
    if (marks.has(root, SEEN | UNINTERESTING)) return;
    marks.set(root, SEEN);
    found.trees.push(root);
    stack.push(root);
    let content: Uint8Array;
    const visit = (mode: number, oidOffset: number): void => {
      const isTree = isTreeMode(mode);
      if (!isTree && (!withBlobs || isGitlinkMode(mode))) return;
      const child = marks.number(content, oidOffset);
      if (marks.has(child, SEEN | UNINTERESTING)) return;
      marks.set(child, SEEN);
      if (isTree) {
        found.trees.push(child);
        stack.push(child);
      } else found.blobs.push(child);
    };
    for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
      await this.#breather.step();
      content = await readTree(this.#reader, marks, number);
      walkTree(content, this.#reader.format, visit);
    }
  }

  collectGiven(tree: number, found: FoundObjects): Promise<void> {
    return this.collect(tree, found);
  }

  async exclude(root: number): Promise<void> {
    const marks = this.#marks;
    const withBlobs = this.#withBlobs;
    if (marks.has(root, UNINTERESTING)) return;
    marks.set(root, UNINTERESTING);
    const stack = [root];
    let content: Uint8Array;
    const visit = (mode: number, oidOffset: number): void => {
      const isTree = isTreeMode(mode);
      if (!isTree && (!withBlobs || isGitlinkMode(mode))) return;
      const child = marks.number(content, oidOffset);
      if (marks.has(child, UNINTERESTING)) return;
      marks.set(child, UNINTERESTING);
      if (isTree) stack.push(child);
    };
    for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
      await this.#breather.step();
      try {
        content = await readTree(this.#reader, marks, number);
      } catch (error) {
        if (isMissingObject(error)) continue;
        throw error;
      }
      walkTree(content, this.#reader.format, visit);
    }
  }
}
