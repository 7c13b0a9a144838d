import { isOid } from "../object-id.ts";
import type { ObjectFormat } from "../schema.ts";
import { type FsckFinding, finding } from "./finding.ts";
import { type HeaderCursor, openHeader, skipPrefix, takeLine } from "./header.ts";
import { checkIdentity } from "./identity.ts";

/** Checks a commit as git does, up to the first error. */
export function checkCommit(content: Uint8Array, format: ObjectFormat, findings: FsckFinding[]): void {
  const header = openHeader(content);
  const error = "id" in header ? header : checkLines(header, format);
  if (error !== undefined) findings.push(error);
  else if (content.indexOf(0) >= 0)
    findings.push(finding("nulInCommit", "NUL byte in the commit object body"));
}

function checkLines(header: HeaderCursor, format: ObjectFormat): FsckFinding | undefined {
  if (!skipPrefix(header, "tree ")) return finding("missingTree", "invalid format - expected 'tree' line");
  if (!isHexId(takeLine(header), format)) {
    return finding("badTreeSha1", "invalid 'tree' line format - bad sha1");
  }
  while (skipPrefix(header, "parent ")) {
    if (!isHexId(takeLine(header), format)) {
      return finding("badParentSha1", "invalid 'parent' line format - bad sha1");
    }
  }
  let authors = 0;
  while (skipPrefix(header, "author ")) {
    authors++;
    const error = checkIdentity(takeLine(header));
    if (error !== undefined) return error;
  }
  if (authors < 1) return finding("missingAuthor", "invalid format - expected 'author' line");
  if (authors > 1) return finding("multipleAuthors", "invalid format - multiple 'author' lines");
  if (!skipPrefix(header, "committer ")) {
    return finding("missingCommitter", "invalid format - expected 'committer' line");
  }
  return checkIdentity(takeLine(header));
}

/** Git's fsck takes upper-case digits, too; the objects that have them do not resolve anywhere else in this package. */
function isHexId(text: string, format: ObjectFormat): boolean {
  return isOid(text.toLowerCase(), format);
}
