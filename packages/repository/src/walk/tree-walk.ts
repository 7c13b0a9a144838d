import { walkTree } from "@millrace/pack";
import { RepositoryError } from "../errors.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import type { Breather } from "./breather.ts";
import { isMissingObject } from "./commit-graph.ts";
import { type ObjectMarks, SEEN, UNINTERESTING } from "./object-marks.ts";

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

/** Walks trees and marks what it meets; each tree is read once in its life. */
export class TreeWalk {
  readonly #reader: ObjectReader;
  readonly #marks: ObjectMarks;
  readonly #breather: Breather;
  readonly #stack: number[] = [];

  constructor(reader: ObjectReader, marks: ObjectMarks, breather: Breather) {
    this.#reader = reader;
    this.#marks = marks;
    this.#breather = breather;
  }

  /**
   * Appends to `found` a tree and all below it that was neither seen before nor is on the other side.
   * Throws `REPOSITORY_OBJECT_MISSING`, `REPOSITORY_WRONG_TYPE`.
   */
  async collect(root: number, found: number[]): Promise<void> {
    const marks = this.#marks;
    const stack = this.#stack;
    if (marks.has(root, SEEN | UNINTERESTING)) return;
    marks.set(root, SEEN);
    found.push(root);
    stack.push(root);
    let content: Uint8Array;
    const visit = (mode: number, oidOffset: number): void => {
      if (isGitlinkMode(mode)) return;
      const child = marks.number(content, oidOffset);
      if (marks.has(child, SEEN | UNINTERESTING)) return;
      marks.set(child, SEEN);
      found.push(child);
      if (isTreeMode(mode)) stack.push(child);
    };
    for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
      await this.#breather.step();
      content = await this.#readTree(number);
      walkTree(content, this.#reader.format, visit);
    }
  }

  /** Marks a tree and all below it as the other side's. What is missing there does not matter. */
  async exclude(root: number): Promise<void> {
    const marks = this.#marks;
    if (marks.has(root, UNINTERESTING)) return;
    marks.set(root, UNINTERESTING);
    const stack = [root];
    let content: Uint8Array;
    const visit = (mode: number, oidOffset: number): void => {
      if (isGitlinkMode(mode)) return;
      const child = marks.number(content, oidOffset);
      if (marks.has(child, UNINTERESTING)) return;
      marks.set(child, UNINTERESTING);
      if (isTreeMode(mode)) stack.push(child);
    };
    for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
      await this.#breather.step();
      try {
        content = await this.#readTree(number);
      } catch (error) {
        if (isMissingObject(error)) continue;
        throw error;
      }
      walkTree(content, this.#reader.format, visit);
    }
  }

  async #readTree(number: number): Promise<Uint8Array> {
    const { type, content } = await this.#reader.read(this.#marks.table.bytesAt(number));
    if (type !== "tree") {
      const oid = this.#marks.table.oidAt(number);
      throw new RepositoryError("REPOSITORY_WRONG_TYPE", `object ${oid} is a ${type}, not a tree`, { oid });
    }
    return content;
  }
}
