import {
  type CommitGraphFile,
  hashLength,
  NODE_COMMIT,
  type Oid,
  oidToBytes,
  PackError,
  readCommitLinks,
} from "@millrace/pack";
import { RepositoryError } from "../errors.ts";
import { type GraphMember, type GraphSet, numberAt } from "../objects/graph-set.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import type { ObjectMarks } from "./object-marks.ts";

/** A commit that no graph of ours knows, as numbers of the walk's marks. */
interface ReadCommit {
  readonly tree: number;
  readonly parents: readonly number[];
  readonly time: number;
}

/** What git's commit-graph tells, with room for an id and for parents. */
interface NotedCommits {
  readonly file: CommitGraphFile;
  readonly oid: Uint8Array;
  readonly parents: number[];
}

/**
 * The commits of one walk, as numbers of its marks. Links of commits that a graph knows are at hand; of others git's
 * commit-graph tells them where it has them and a pack has the commit, and else they are read, once each: `load` a commit,
 * and wait where it says so, before asking for its links.
 */
export class CommitGraph {
  readonly #reader: ObjectReader;
  readonly #marks: ObjectMarks;
  readonly #graphs: GraphSet | undefined;
  readonly #nodeCount: number;
  readonly #read = new Map<number, ReadCommit>();
  readonly #shallow: ReadonlySet<number>;
  /** `undefined` until it is asked for, `null` where there is none. */
  #noted: NotedCommits | null | undefined;

  /** Commits in `shallow` have no parents, whatever they say (gitglossary, "shallow repository"). */
  constructor(reader: ObjectReader, marks: ObjectMarks, shallow: Iterable<Oid> = []) {
    this.#reader = reader;
    this.#marks = marks;
    this.#graphs = marks.table.graphs;
    this.#nodeCount = marks.table.nodeCount;
    this.#shallow = new Set(Array.from(shallow, (oid) => marks.number(oidToBytes(oid))));
  }

  /** Makes a commit's links known; `undefined` where they are. Throws `REPOSITORY_OBJECT_MISSING`, `REPOSITORY_WRONG_TYPE`. */
  load(number: number): Promise<void> | undefined {
    if (number < this.#nodeCount) {
      const { graph, base } = this.#graphs!.memberOf(number);
      if (graph.kinds[number - base] === NODE_COMMIT) return undefined;
      throw this.#notACommit(number, graph.type(number - base));
    }
    if (this.#read.has(number)) return undefined;
    if (this.#noted === undefined) return this.#openNoted().then(() => this.load(number));
    return this.#takeNoted(number) ? undefined : this.#readCommit(number);
  }

  /** Makes a commit's links known and answers true, or false where it is missing. Throws `REPOSITORY_WRONG_TYPE`. */
  async loadIfThere(number: number): Promise<boolean> {
    try {
      await this.load(number);
      return true;
    } catch (error) {
      if (isMissingObject(error)) return false;
      throw error;
    }
  }

  /** Whether a commit's links are known. */
  isLoaded(number: number): boolean {
    if (number >= this.#nodeCount) return this.#read.has(number);
    const { graph, base } = this.#graphs!.memberOf(number);
    return graph.kinds[number - base] === NODE_COMMIT;
  }

  /** Whether some commits' parents are cut off. */
  get isCut(): boolean {
    return this.#shallow.size > 0;
  }

  /** Whether the commit's parents are cut off. */
  isShallow(number: number): boolean {
    return this.#shallow.size > 0 && this.#shallow.has(number);
  }

  /** Committer time in seconds. */
  time(number: number): number {
    if (number >= this.#nodeCount) return this.#read.get(number)!.time;
    const { graph, base } = this.#graphs!.memberOf(number);
    return graph.commitTime(number - base);
  }

  tree(number: number): number {
    if (number >= this.#nodeCount) return this.#read.get(number)!.tree;
    const member = this.#graphs!.memberOf(number);
    return numberAt(member, member.graph.commitTree(number - member.base));
  }

  parentCount(number: number): number {
    if (this.#shallow.size > 0 && this.#shallow.has(number)) return 0;
    if (number >= this.#nodeCount) return this.#read.get(number)!.parents.length;
    const { graph, base } = this.#graphs!.memberOf(number);
    return graph.parentCount(number - base);
  }

  parent(number: number, which: number): number {
    if (number >= this.#nodeCount) return this.#read.get(number)!.parents[which]!;
    const member: GraphMember = this.#graphs!.memberOf(number);
    return numberAt(member, member.graph.parent(number - member.base, which));
  }

  async #openNoted(): Promise<void> {
    const file = await this.#reader.commitGraph();
    const oid = new Uint8Array(hashLength(this.#reader.format));
    this.#noted = file === undefined ? null : { file, oid, parents: [] };
  }

  /**
   * Takes a commit's links from git's commit-graph. One that no pack has is not taken: git may have dropped it, and reading
   * tells. Where the file makes no sense, reading tells too.
   */
  #takeNoted(number: number): boolean {
    const noted = this.#noted;
    if (noted === undefined || noted === null) return false;
    const { file, oid, parents } = noted;
    const marks = this.#marks;
    const own = marks.table.bytesAt(number);
    const position = file.find(own);
    if (position < 0 || !this.#reader.isPacked(own)) return false;
    try {
      file.readParents(position, parents);
    } catch (error) {
      if (error instanceof PackError) return false;
      throw error;
    }
    file.copyTree(position, oid);
    const tree = marks.number(oid);
    const numbers: number[] = [];
    for (let i = 0; i < parents.length; i++) {
      file.copyOid(parents[i]!, oid);
      numbers.push(marks.number(oid));
    }
    this.#read.set(number, { tree, parents: numbers, time: file.time(position) });
    return true;
  }

  async #readCommit(number: number): Promise<void> {
    const marks = this.#marks;
    const { type, content } = await this.#reader.read(marks.table.bytesAt(number));
    if (type !== "commit") throw this.#notACommit(number, type);
    const links = readCommitLinks(content, this.#reader.format);
    const numberOf = (oid: Oid): number => marks.number(oidToBytes(oid));
    this.#read.set(number, {
      tree: numberOf(links.tree),
      parents: links.parents.map(numberOf),
      time: links.time,
    });
  }

  #notACommit(number: number, type: string): RepositoryError {
    const oid = this.#marks.table.oidAt(number);
    return new RepositoryError("REPOSITORY_WRONG_TYPE", `object ${oid} is a ${type}, not a commit`, { oid });
  }
}

/** Whether an error says that an object is not there. */
export function isMissingObject(error: unknown): error is RepositoryError {
  return error instanceof RepositoryError && error.code === "REPOSITORY_OBJECT_MISSING";
}
