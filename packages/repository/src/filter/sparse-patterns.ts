import { type PathPattern, compilePathPattern } from "./path-pattern.ts";

/** The patterns of a sparse-checkout file (git-sparse-checkout, "Internals--Full pattern set"). */
export interface SparsePatterns {
  /**
   * Whether the last pattern that matches takes the path in; `undefined` where none matches, so that the directory
   * above decides. `path` has no leading slash, `name` is its last part; both latin1. The root's are empty.
   */
  decide(path: string, name: string, isDirectory: boolean): boolean | undefined;
}

/** Parses the file; every line counts for something or nothing, none is an error. */
export function parseSparsePatterns(content: Uint8Array): SparsePatterns {
  const patterns = readLines(content).map(compilePathPattern);
  return { decide: (path, name, isDirectory) => decide(patterns, path, name, isDirectory) };
}

function decide(
  patterns: readonly PathPattern[],
  path: string,
  name: string,
  isDirectory: boolean,
): boolean | undefined {
  for (let i = patterns.length - 1; i >= 0; i--) {
    const pattern = patterns[i]!;
    if (pattern.onlyDirectories && !isDirectory) continue;
    if (pattern.matches(path, name)) return !pattern.isNegative;
  }
  return undefined;
}

function readLines(content: Uint8Array): string[] {
  const text = Buffer.from(content.buffer, content.byteOffset, content.length).toString("latin1");
  const body = text.startsWith("\u00ef\u00bb\u00bf") ? text.slice(3) : text;
  // A line of blanks becomes the empty pattern, which matches the root: so git has it.
  return body
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => trimSpaces(line.endsWith("\r") ? line.slice(0, -1) : line));
}

/** Takes off trailing spaces, but for one behind a backslash. */
function trimSpaces(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === " ") end--;
  if (end === line.length) return line;
  let backslashes = 0;
  while (line[end - 1 - backslashes] === "\\") backslashes++;
  return line.slice(0, backslashes % 2 === 1 ? end + 1 : end);
}
