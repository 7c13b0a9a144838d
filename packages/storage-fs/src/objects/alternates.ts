import { readFile, realpath } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { ifPresent } from "../files/fault.ts";

/** As deep as git follows alternates of alternates. */
const DEPTH = 5;

/**
 * The object directories of a repository: its own first, then those it borrows from (gitrepository-layout,
 * "objects/info/alternates"), each once. Directories that do not exist are left out, as git does.
 */
export async function objectDirectories(own: string): Promise<readonly string[]> {
  const directories: string[] = [own];
  const seen = new Set<string>([(await ifPresent(realpath(own))) ?? own]);

  const follow = async (directory: string, depth: number): Promise<void> => {
    const text = await ifPresent(readFile(join(directory, "info", "alternates"), "utf8"));
    for (const entry of parseAlternates(text ?? "")) {
      const path = await ifPresent(realpath(isAbsolute(entry) ? entry : join(directory, entry)));
      if (path === undefined || seen.has(path)) continue;
      seen.add(path);
      directories.push(path);
      if (depth < DEPTH) await follow(path, depth + 1);
    }
  };
  await follow(own, 1);
  return directories;
}

/** The paths in an alternates file: one a line, `#` comments, in C quotes where they need them. */
export function parseAlternates(text: string): string[] {
  const paths: string[] = [];
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    paths.push(line.startsWith('"') ? (unquote(line) ?? line) : line);
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

/** Undoes git's C-style quoting; `undefined` where it is malformed. */
function unquote(quoted: string): string | undefined {
  const bytes: number[] = [];
  const source = Buffer.from(quoted);
  for (let i = 1; i < source.length; i++) {
    const byte = source[i] as number;
    if (byte === 34) return i === source.length - 1 ? Buffer.from(bytes).toString("utf8") : undefined;
    if (byte !== 92) {
      bytes.push(byte);
      continue;
    }
    const octal = /^[0-3][0-7]{2}/.exec(source.toString("latin1", i + 1, i + 4));
    const escape = ESCAPES[String.fromCharCode(source[i + 1] ?? 0)];
    if (octal !== null) bytes.push(Number.parseInt(octal[0], 8));
    else if (escape !== undefined) bytes.push(escape);
    else return undefined;
    i += octal === null ? 1 : 3;
  }
  return undefined;
}
