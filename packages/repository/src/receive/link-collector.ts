import {
  type ObjectFormat,
  type ObjectType,
  type Oid,
  type PackIndex,
  isGitlinkMode,
  isTreeMode,
  oidToBytes,
  readCommitLinks,
  readTagTarget,
  walkTree,
} from "@millrace/pack";
import { ObjectMarks } from "../walk/object-marks.ts";

const COMMIT = 1;
const TREE = 2;
const BLOB = 4;
const TAG = 8;
const MARK_OF: Readonly<Record<ObjectType, number>> = { commit: COMMIT, tree: TREE, blob: BLOB, tag: TAG };

/** Objects that a pack refers to and does not bring. */
export interface ExternalLinks {
  readonly commits: Oid[];
  /** Trees, blobs and tags, by what the referring object takes them for. */
  readonly others: Oid[];
}

/** Remembers what the objects of an arriving pack refer to, each target once. */
export class LinkCollector {
  readonly #marks: ObjectMarks;
  #content: Uint8Array = new Uint8Array(0);
  readonly #visitEntry: (mode: number, oidOffset: number) => void;

  constructor(format: ObjectFormat) {
    const marks = new ObjectMarks(format);
    this.#marks = marks;
    this.#visitEntry = (mode, oidOffset) => {
      if (isGitlinkMode(mode)) return;
      marks.set(marks.number(this.#content, oidOffset), isTreeMode(mode) ? TREE : BLOB);
    };
  }

  /** Takes the links of one object. Throws `PACK_BAD_OBJECT` where it does not parse. */
  visit(type: ObjectType, content: Uint8Array): void {
    const { format } = this.#marks.table;
    if (type === "tree") {
      this.#content = content;
      walkTree(content, format, this.#visitEntry);
    } else if (type === "commit") {
      const links = readCommitLinks(content, format);
      this.#link(links.tree, TREE);
      for (const parent of links.parents) this.#link(parent, COMMIT);
    } else if (type === "tag") {
      const target = readTagTarget(content, format);
      this.#link(target.oid, MARK_OF[target.type]);
    }
  }

  /** The targets that are not in the pack itself. */
  externals(index: PackIndex): ExternalLinks {
    const { table } = this.#marks;
    const links: ExternalLinks = { commits: [], others: [] };
    for (let number = 0; number < table.size; number++) {
      if (index.find(table.bytesAt(number)) >= 0) continue;
      (this.#marks.has(number, COMMIT) ? links.commits : links.others).push(table.oidAt(number));
    }
    return links;
  }

  #link(oid: Oid, mark: number): void {
    this.#marks.set(this.#marks.number(oidToBytes(oid)), mark);
  }
}
