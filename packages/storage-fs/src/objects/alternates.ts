import { readFile, realpath, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { ifPresent } from "../files/fault.ts";

/** As many alternates files as git reads one behind the other after a repository's own. */
const DEPTH = 5;

/**
 * The object directories of a repository: its own first, then those it borrows from (gitrepository-layout,
 * "objects/info/alternates"), each once, by their real paths. Directories that do not exist are left out, as git does.
 * @param ignored paths, as they stand there, that are not looked at
 */
export async function objectDirectories(
  own: string,
  ignored: readonly string[] = [],
): Promise<readonly string[]> {
  const directories: string[] = [own];
  const real = (await ifPresent(realpath(own))) ?? own;
  const seen = new Set<string>([real]);

  const follow = async (directory: string, depth: number): Promise<void> => {
    const text = await ifPresent(readFile(join(directory, "info", "alternates"), "utf8"));
    for (const entry of parseAlternates(text ?? "")) {
      if (ignored.includes(entry)) continue;
      // Not joined, which would go up from a symbolic link by its name.
      const path = await ifPresent(realpath(isAbsolute(entry) ? entry : `${directory}/${entry}`));
      if (path === undefined || seen.has(path) || !(await isDirectory(path))) continue;
      seen.add(path);
      directories.push(path);
      if (depth < DEPTH) await follow(path, depth + 1);
    }
  };
  await follow(real, 0);
  return directories;
}

async function isDirectory(path: string): Promise<boolean> {
  return (await ifPresent(stat(path)))?.isDirectory() === true;
}

/** The paths in an alternates file: one a line, `#` comments, in C quotes where they need them. */
export function parseAlternates(text: string): string[] {
  const paths: string[] = [];
  for (let at = 0; at < text.length; ) {
    const quoted = text[at] === '"' ? unquote(text, at) : undefined;
    const newline = text.indexOf("\n", at);
    const end = quoted?.end ?? (newline < 0 ? text.length : newline);
    const path = quoted?.text ?? text.slice(at, end);
    if (path !== "" && text[at] !== "#") paths.push(path);
    // One character is taken for the line's end, whatever it is.
    at = end + 1;
  }
  return paths;
}

const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  "\\": 92,
  '"': 34,
};

/** Undoes git's C-style quoting from the quote at `start` on; `undefined` where it is malformed. */
function unquote(source: string, start: number): { readonly text: string; readonly end: number } | undefined {
  const pieces: Buffer[] = [];
  for (let at = start + 1; at < source.length; ) {
    const char = source[at] as string;
    if (char === '"') return { text: Buffer.concat(pieces).toString("utf8"), end: at + 1 };
    if (char !== "\\") {
      const plain = /[^"\\]+/y;
      plain.lastIndex = at;
      const run = (plain.exec(source) as RegExpExecArray)[0];
      pieces.push(Buffer.from(run));
      at += run.length;
      continue;
    }
    const octal = /^[0-3][0-7]{2}/.exec(source.slice(at + 1, at + 4));
    const escape = octal === null ? ESCAPES[source[at + 1] ?? ""] : Number.parseInt(octal[0], 8);
    if (escape === undefined) return undefined;
    pieces.push(Buffer.of(escape));
    at += octal === null ? 2 : 4;
  }
  return undefined;
}
