import type { OperationOptions } from "../random-access.ts";
import type { ObjectFormat, ObjectType, Oid } from "../schema.ts";
import { checkCommit } from "./commit.ts";
import { type FsckFinding, finding } from "./finding.ts";
import { checkGitattributes } from "./gitattributes.ts";
import { checkGitmodules } from "./gitmodules.ts";
import { checkTag } from "./tag.ts";
import { checkTree, type SpecialBlobs } from "./tree.ts";

/** A finding about an object that was read at the end. */
export interface SpecialBlobFinding extends FsckFinding {
  readonly oid: Oid;
}

/**
 * Reads an object that some tree names: undefined where it does not exist, `content` undefined where it is too large
 * to hold.
 */
export type ReadSpecialBlob = (
  oid: Oid,
  options: OperationOptions,
) => Promise<{ type: ObjectType; content: Uint8Array | undefined } | undefined>;

/** Blobs that trees name and git itself reads. */
export interface NamedBlobs {
  readonly gitmodules: readonly Oid[];
  readonly gitattributes: readonly Oid[];
}

/** The checks over a set of objects, such as a push; remembers the blobs that git itself would read. */
export interface FsckSession {
  /** Checks one object; blobs pass, those that matter are read by `finish`. */
  check(type: ObjectType, content: Uint8Array): FsckFinding[];
  /** How many blobs `finish` is going to read. */
  readonly pendingBlobs: number;
  /** The blobs that `finish` is going to read. */
  pending(): NamedBlobs;
  /** Lets `finish` read what the trees of another session have named: the checks may be spread over threads. */
  expect(blobs: NamedBlobs): void;
  /**
   * Checks the `.gitmodules` and `.gitattributes` blobs that the trees named, one read at a time.
   * Throws what `read` throws, and `signal.reason`.
   */
  finish(read: ReadSpecialBlob, options?: OperationOptions): Promise<SpecialBlobFinding[]>;
}

/**
 * Checks one object's content as git's fsck does in strict mode (git-fsck, "FSCK MESSAGES"): the findings have git's
 * ids, default severities and texts. As in git, a commit or tag is checked up to its first error.
 */
export function fsckObject(type: ObjectType, content: Uint8Array, format: ObjectFormat): FsckFinding[] {
  return checkObject(type, content, format, undefined);
}

/** Starts the checks over a set of objects. */
export function createFsckSession(format: ObjectFormat): FsckSession {
  const special: SpecialBlobs = { gitmodules: new Set(), gitattributes: new Set() };
  return {
    check: (type, content) => checkObject(type, content, format, special),
    get pendingBlobs() {
      return special.gitmodules.size + special.gitattributes.size;
    },
    pending: () => ({ gitmodules: [...special.gitmodules], gitattributes: [...special.gitattributes] }),
    expect({ gitmodules, gitattributes }) {
      for (const oid of gitmodules) special.gitmodules.add(oid);
      for (const oid of gitattributes) special.gitattributes.add(oid);
    },
    async finish(read, options = {}) {
      const findings: SpecialBlobFinding[] = [];
      const add = async (
        oid: Oid,
        name: string,
        check: (content: Uint8Array | undefined) => FsckFinding[],
      ) => {
        options.signal?.throwIfAborted();
        for (const found of checkSpecial(await read(oid, options), name, check))
          findings.push({ ...found, oid });
      };
      for (const oid of special.gitmodules) await add(oid, "gitmodules", checkAnyGitmodules);
      for (const oid of special.gitattributes) await add(oid, "gitattributes", checkGitattributes);
      return findings;
    },
  };
}

function checkObject(
  type: ObjectType,
  content: Uint8Array,
  format: ObjectFormat,
  special: SpecialBlobs | undefined,
): FsckFinding[] {
  const findings: FsckFinding[] = [];
  if (type === "commit") checkCommit(content, format, findings);
  else if (type === "tree") checkTree(content, format, findings, special);
  else if (type === "tag") checkTag(content, format, findings);
  return findings;
}

function checkSpecial(
  object: { type: ObjectType; content: Uint8Array | undefined } | undefined,
  name: string,
  check: (content: Uint8Array | undefined) => FsckFinding[],
): FsckFinding[] {
  if (object === undefined) return [finding(`${name}Missing`, `unable to read .${name} blob`)];
  if (object.type !== "blob") return [finding(`${name}Blob`, `non-blob found at .${name}`)];
  return check(object.content);
}

function checkAnyGitmodules(content: Uint8Array | undefined): FsckFinding[] {
  if (content === undefined) return [finding("gitmodulesLarge", ".gitmodules too large to parse")];
  return checkGitmodules(content);
}
