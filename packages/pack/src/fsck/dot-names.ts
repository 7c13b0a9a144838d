import { isUtf8 } from "node:buffer";

/** Names under which HFS+ and NTFS would open one of git's own files, as git's fsck looks for them. */

/** One of git's dot files: its name without the dot, and the front of the short name NTFS may give it. */
interface DotFile {
  readonly name: string;
  readonly shortPrefix: string;
}

const GITMODULES: DotFile = { name: "gitmodules", shortPrefix: "gi7eba" };
const GITATTRIBUTES: DotFile = { name: "gitattributes", shortPrefix: "gi7d29" };
const GITIGNORE: DotFile = { name: "gitignore", shortPrefix: "gi250a" };
const MAILMAP: DotFile = { name: "mailmap", shortPrefix: "maba30" };

/** Code points that HFS+ ignores when it compares names. */
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;
/** What NTFS cuts off behind a name. */
const NTFS_TAIL = /^[ .]*(?::|$)/s;

/** Whether the name opens `.git` somewhere; latin1 text, one character a byte. */
export function isDotGit(name: string): boolean {
  return isNtfsDotGit(name) || isHfsDot(name, "git");
}

/** Whether NTFS would take the name for `.git`. */
export function isNtfsDotGit(name: string): boolean {
  return /^(?:\.git|git~1)[ .]*(?:[\\/:]|$)/is.test(name);
}

/** Whether the name opens `.gitmodules` somewhere. */
export function isDotGitmodules(name: string): boolean {
  return isHfsDot(name, GITMODULES.name) || isNtfsDotGitmodules(name);
}

/** Whether NTFS would take the name for `.gitmodules`. */
export function isNtfsDotGitmodules(name: string): boolean {
  return isNtfsDot(name, GITMODULES);
}

/** Whether the name opens `.gitattributes` somewhere. */
export function isDotGitattributes(name: string): boolean {
  return isHfsDot(name, GITATTRIBUTES.name) || isNtfsDot(name, GITATTRIBUTES);
}

/** Whether the name opens `.gitignore` somewhere. */
export function isDotGitignore(name: string): boolean {
  return isHfsDot(name, GITIGNORE.name) || isNtfsDot(name, GITIGNORE);
}

/** Whether the name opens `.mailmap` somewhere. */
export function isDotMailmap(name: string): boolean {
  return isHfsDot(name, MAILMAP.name) || isNtfsDot(name, MAILMAP);
}

/** HFS+ ignores case and certain code points; what is not UTF-8 ends the name. */
function isHfsDot(name: string, rest: string): boolean {
  const bytes = Buffer.from(name, "latin1");
  const decoded = bytes.toString("utf8");
  const seen = decoded.replace(HFS_IGNORED, "");
  const length = rest.length + 1;
  // The letters must be ASCII: lower-casing must not turn a foreign one, such as the Kelvin sign, into them.
  const front = seen.slice(0, length).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (front !== `.${rest}`) return false;
  return seen.length === length || seen[length] === "/" || (seen[length] === "\ufffd" && !isUtf8(bytes));
}

function isNtfsDot(name: string, file: DotFile): boolean {
  const lower = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (lower.startsWith(`.${file.name}`)) return NTFS_TAIL.test(name.slice(file.name.length + 1));
  if (lower.startsWith(file.name.slice(0, 6)) && /^~[1-4]/.test(name.slice(6, 8))) {
    return NTFS_TAIL.test(name.slice(8));
  }
  // When the first four short names are taken, NTFS makes one of a hash: six characters at most, "~" and a number.
  const front = /^([^~]{0,6})~[1-9][0-9]*$/s.exec(lower.slice(0, 8))?.[1];
  if (front === undefined || lower.length < 8 || !file.shortPrefix.startsWith(front)) return false;
  return NTFS_TAIL.test(name.slice(8));
}
