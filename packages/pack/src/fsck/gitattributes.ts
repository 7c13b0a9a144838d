import { type FsckFinding, finding } from "./finding.ts";

const MAX_FILE_BYTES = 100 * 1024 * 1024;
const MAX_LINE_BYTES = 2048;
const NEWLINE = 10;

/** Checks the content of a `.gitattributes` blob; undefined stands for one too large to hold. */
export function checkGitattributes(content: Uint8Array | undefined): FsckFinding[] {
  if (content === undefined || content.length > MAX_FILE_BYTES) {
    return [finding("gitattributesLarge", ".gitattributes too large to parse")];
  }
  // Git reads it as text, which a NUL ends.
  const nul = content.indexOf(0);
  const size = nul < 0 ? content.length : nul;
  for (let at = 0; at < size; ) {
    let end = content.indexOf(NEWLINE, at);
    if (end < 0 || end > size) end = size;
    if (end - at >= MAX_LINE_BYTES) {
      return [finding("gitattributesLineLength", ".gitattributes has too long lines to parse")];
    }
    at = end + 1;
  }
  return [];
}
