import { PackError } from "../errors.ts";
import { isTreeMode, MODE_GITLINK, MODE_SYMLINK, walkTree } from "../object/tree.ts";
import { oidFromBytes } from "../object-id.ts";
import type { ObjectFormat, Oid } from "../schema.ts";
import {
  isDotGit,
  isDotGitattributes,
  isDotGitignore,
  isDotGitmodules,
  isDotMailmap,
  isNtfsDotGit,
  isNtfsDotGitmodules,
} from "./dot-names.ts";
import { type FsckFinding, finding } from "./finding.ts";

/** Blobs that git reads itself, whose content is to be checked when all objects are there. */
export interface SpecialBlobs {
  readonly gitmodules: Set<Oid>;
  readonly gitattributes: Set<Oid>;
}

const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const TILDE = 0x7e;
const MODE_KIND = 0o170000;

/** In the order in which git reports them. */
const PROBLEMS: readonly (readonly [string, string])[] = [
  ["badTree", "cannot be parsed as a tree"],
  ["nullSha1", "contains entries pointing to null sha1"],
  ["fullPathname", "contains full pathnames"],
  ["hasDot", "contains '.'"],
  ["hasDotdot", "contains '..'"],
  ["hasDotgit", "contains '.git'"],
  ["zeroPaddedFilemode", "contains zero-padded file modes"],
  ["badFilemode", "contains bad file modes"],
  ["duplicateEntries", "contains duplicate file entries"],
  ["treeNotSorted", "not properly sorted"],
];

/** Checks a tree as git's strict mode does, and adds the special blobs that it names to `special`. */
export function checkTree(
  content: Uint8Array,
  format: ObjectFormat,
  findings: FsckFinding[],
  special: SpecialBlobs | undefined,
): void {
  const problems = new Set<string>();
  const order = createOrderCheck(content);
  const idBytes = format === "sha1" ? 20 : 32;
  let entryStart = 0;
  try {
    walkTree(content, format, (mode, oidOffset, nameStart, nameEnd) => {
      if (content[entryStart] === 0x30) problems.add("zeroPaddedFilemode");
      entryStart = oidOffset + idBytes;
      if (isNull(content, oidOffset, idBytes)) problems.add("nullSha1");
      if (!isUsualMode(mode)) problems.add("badFilemode");
      const problem = order.next(mode, nameStart, nameEnd);
      if (problem !== undefined) problems.add(problem);
      if (isRemarkable(content, nameStart, nameEnd)) {
        const name = Buffer.from(content.buffer, content.byteOffset + nameStart, nameEnd - nameStart);
        const text = name.toString("latin1");
        checkName(text, problems);
        checkSpecial(text, mode, () => oidFromBytes(content, oidOffset, format), findings, special);
      }
    });
  } catch (error) {
    if (!(error instanceof PackError) || error.code !== "PACK_BAD_OBJECT") throw error;
    problems.clear();
    problems.add("badTree");
    findings.length = 0;
  }
  for (const [id, message] of PROBLEMS) if (problems.has(id)) findings.push(finding(id, message));
}

/**
 * Whether a name may be anything but an ordinary one; nearly all are dismissed here. Git's own names start with a dot,
 * which HFS+ also sees behind code points that it ignores (U+200C and up, U+FEFF); NTFS's short names hold a "~".
 */
function isRemarkable(content: Uint8Array, start: number, end: number): boolean {
  const first = content[start]!;
  if (first === 0x2e || first === 0xe2 || first === 0xef) return true;
  for (let i = start; i < end; i++) {
    const byte = content[i]!;
    if (byte === SLASH || byte === BACKSLASH || byte === TILDE) return true;
  }
  return false;
}

function checkName(name: string, problems: Set<string>): void {
  if (name.includes("/")) problems.add("fullPathname");
  if (name === ".") problems.add("hasDot");
  if (name === "..") problems.add("hasDotdot");
  if (isDotGit(name) || backslashTails(name).some(isNtfsDotGit)) problems.add("hasDotgit");
}

function checkSpecial(
  name: string,
  mode: number,
  oid: () => Oid,
  findings: FsckFinding[],
  special: SpecialBlobs | undefined,
): void {
  const isLink = (mode & MODE_KIND) === MODE_SYMLINK;
  if (isDotGitmodules(name) || backslashTails(name).some(isNtfsDotGitmodules)) {
    if (isLink) findings.push(finding("gitmodulesSymlink", ".gitmodules is a symbolic link"));
    else special?.gitmodules.add(oid());
  }
  if (isDotGitattributes(name)) {
    if (isLink) findings.push(finding("gitattributesSymlink", ".gitattributes is a symlink"));
    else special?.gitattributes.add(oid());
  }
  if (!isLink) return;
  if (isDotGitignore(name)) findings.push(finding("gitignoreSymlink", ".gitignore is a symlink"));
  if (isDotMailmap(name)) findings.push(finding("mailmapSymlink", ".mailmap is a symlink"));
}

/** What follows each backslash, which Windows takes for a separator. */
function backslashTails(name: string): string[] {
  const tails: string[] = [];
  for (let at = name.indexOf("\\"); at >= 0; at = name.indexOf("\\", at + 1)) tails.push(name.slice(at + 1));
  return tails;
}

function isUsualMode(mode: number): boolean {
  return (
    mode === 0o100644 ||
    mode === 0o100755 ||
    mode === 0o040000 ||
    mode === MODE_SYMLINK ||
    mode === MODE_GITLINK
  );
}

function isNull(content: Uint8Array, start: number, length: number): boolean {
  for (let i = start; i < start + length; i++) if (content[i] !== 0) return false;
  return true;
}

/** Compares each entry with the one before, and finds a file and a directory of one name even when apart. */
function createOrderCheck(content: Uint8Array): {
  next(mode: number, start: number, end: number): "treeNotSorted" | "duplicateEntries" | undefined;
} {
  /** Start and end of the names of files that a directory further on may repeat: "a", then "a.b", then "a/". */
  const candidates: number[] = [];
  let lastStart = -1;
  let lastEnd = 0;
  let lastIsTree = false;
  return {
    next(mode, start, end) {
      const beforeStart = lastStart;
      const beforeEnd = lastEnd;
      const beforeIsTree = lastIsTree;
      lastStart = start;
      lastEnd = end;
      lastIsTree = isTreeMode(mode);
      if (beforeStart < 0) return undefined;
      const shared = Math.min(beforeEnd - beforeStart, end - start);
      for (let i = 0; i < shared; i++) {
        const difference = content[beforeStart + i]! - content[start + i]!;
        if (difference !== 0) return difference < 0 ? undefined : "treeNotSorted";
      }
      const beforeEnds = beforeStart + shared === beforeEnd;
      const thisEnds = start + shared === end;
      if (beforeEnds && thisEnds) return "duplicateEntries";
      const before = beforeEnds ? (beforeIsTree ? SLASH : 0) : content[beforeStart + shared]!;
      const now = thisEnds ? (lastIsTree ? SLASH : 0) : content[start + shared]!;
      if (before === 0 && now < SLASH) {
        candidates.push(beforeStart, beforeEnd);
      } else if (now === SLASH && thisEnds && before < SLASH) {
        if (repeatsCandidate(content, candidates, start, end)) return "duplicateEntries";
      }
      return before < now ? undefined : "treeNotSorted";
    },
  };
}

/** Drops the candidates that no later directory can repeat, and tells whether this directory repeats one. */
function repeatsCandidate(content: Uint8Array, candidates: number[], start: number, end: number): boolean {
  while (candidates.length > 0) {
    const candidateEnd = candidates.pop()!;
    const candidateStart = candidates.pop()!;
    const length = candidateEnd - candidateStart;
    if (length > end - start) continue;
    let same = 0;
    while (same < length && content[candidateStart + same] === content[start + same]) same++;
    if (same < length) continue;
    if (length === end - start) return true;
    if (content[start + length]! < SLASH) {
      candidates.push(candidateStart, candidateEnd);
      return false;
    }
  }
  return false;
}
