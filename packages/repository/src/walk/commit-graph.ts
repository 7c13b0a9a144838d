import { type Oid, oidToBytes, readCommitLinks } from "@millrace/pack";
import { RepositoryError } from "../errors.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import type { ObjectMarks } from "./object-marks.ts";

/** What a walk needs of a commit; ids are numbers of the walk's marks. */
export interface CommitNode {
  readonly tree: number;
  readonly parents: readonly number[];
  /** Committer time in seconds. */
  readonly time: number;
}

/** Commits of one walk, read once each. */
export class CommitGraph {
  readonly #reader: ObjectReader;
  readonly #marks: ObjectMarks;
  readonly #nodes = new Map<number, CommitNode>();
  readonly #shallow: ReadonlySet<Oid>;

  /** Commits in `shallow` have no parents, whatever they say (gitglossary, "shallow repository"). */
  constructor(reader: ObjectReader, marks: ObjectMarks, shallow: Iterable<Oid> = []) {
    this.#reader = reader;
    this.#marks = marks;
    this.#shallow = new Set(shallow);
  }

  /** The node of a commit that was loaded before. */
  loaded(number: number): CommitNode | undefined {
    return this.#nodes.get(number);
  }

  /** Whether the commit's parents are cut off. */
  isShallow(number: number): boolean {
    return this.#shallow.size > 0 && this.#shallow.has(this.#marks.table.oidAt(number));
  }

  /** Throws `REPOSITORY_OBJECT_MISSING`, `REPOSITORY_WRONG_TYPE`. */
  async load(number: number): Promise<CommitNode> {
    const known = this.#nodes.get(number);
    if (known !== undefined) return known;
    const { table } = this.#marks;
    const { type, content } = await this.#reader.read(table.bytesAt(number));
    if (type !== "commit") {
      const oid = table.oidAt(number);
      throw new RepositoryError("REPOSITORY_WRONG_TYPE", `object ${oid} is a ${type}, not a commit`, { oid });
    }
    const links = readCommitLinks(content, this.#reader.format);
    const numberOf = (oid: Oid): number => this.#marks.number(oidToBytes(oid));
    const parents = this.isShallow(number) ? [] : links.parents.map(numberOf);
    const node = { tree: numberOf(links.tree), parents, time: links.time };
    this.#nodes.set(number, node);
    return node;
  }
}

/** Whether an error says that an object is not there. */
export function isMissingObject(error: unknown): boolean {
  return error instanceof RepositoryError && error.code === "REPOSITORY_OBJECT_MISSING";
}
