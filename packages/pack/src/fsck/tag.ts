import { isOid } from "../object-id.ts";
import type { ObjectFormat } from "../schema.ts";
import { type FsckFinding, finding } from "./finding.ts";
import { type HeaderCursor, openHeader, skipPrefix, takeLine } from "./header.ts";
import { checkIdentity } from "./identity.ts";

/** Checks a tag as git does, up to the first error. */
export function checkTag(content: Uint8Array, format: ObjectFormat, findings: FsckFinding[]): void {
  const header = openHeader(content);
  const error = "id" in header ? header : checkLines(header, format, findings);
  if (error !== undefined) findings.push(error);
}

function checkLines(
  header: HeaderCursor,
  format: ObjectFormat,
  findings: FsckFinding[],
): FsckFinding | undefined {
  if (!skipPrefix(header, "object "))
    return finding("missingObject", "invalid format - expected 'object' line");
  if (!isOid(takeLine(header).toLowerCase(), format)) {
    return finding("badObjectSha1", "invalid 'object' line format - bad sha1");
  }
  if (!skipPrefix(header, "type "))
    return finding("missingTypeEntry", "invalid format - expected 'type' line");
  if (!/^(?:commit|tree|blob|tag)$/.test(takeLine(header))) return finding("badType", "invalid 'type' value");
  if (!skipPrefix(header, "tag ")) return finding("missingTagEntry", "invalid format - expected 'tag' line");
  const name = takeLine(header);
  if (!isTagName(name)) findings.push(finding("badTagName", `invalid 'tag' name: ${name}`));
  if (skipPrefix(header, "tagger ")) return checkIdentity(takeLine(header));
  findings.push(finding("missingTaggerEntry", "invalid format - expected 'tagger' line"));
  return undefined;
}

/** Whether "refs/tags/" and this name make a ref name (git-check-ref-format). */
function isTagName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code <= 0x20 || code === 0x7f || "~^:?*[\\".includes(name[i]!)) return false;
  }
  if (name.includes("..") || name.includes("@{") || name.endsWith(".")) return false;
  return name.split("/").every((part) => part !== "" && !part.startsWith(".") && !part.endsWith(".lock"));
}
