import { type Glob, compileGlob } from "./glob.ts";

/** One line of a pattern file, compiled (gitignore, "Pattern format"). */
export interface PathPattern {
  /** The line starts with `!`: what it matches is left out again. */
  readonly isNegative: boolean;
  /** The line ends with `/`: it matches directories only. */
  readonly onlyDirectories: boolean;
  /** `path` is the whole path without a leading slash, `name` its last part; latin1. */
  matches(path: string, name: string): boolean;
}

const WILD = /[*?[\\]/;

/** Compiles one line; comments, blank lines and trailing spaces are gone already. */
export function compilePathPattern(line: string): PathPattern {
  const isNegative = line.startsWith("!");
  const rest = isNegative ? line.slice(1) : line;
  const onlyDirectories = rest.endsWith("/");
  const pattern = onlyDirectories ? rest.slice(0, -1) : rest;
  const wild = pattern.search(WILD);
  // How many characters, at least, stand for themselves.
  const plain = wild < 0 ? pattern.length : wild;
  if (!pattern.includes("/")) {
    const matchesName = compileName(pattern, plain);
    return { isNegative, onlyDirectories, matches: (_path, name) => matchesName(name) };
  }
  const matchesPath = pattern.startsWith("/")
    ? compilePath(pattern.slice(1), plain - 1)
    : compilePath(pattern, plain);
  // The root has no path to match; only an empty name can match its name.
  return { isNegative, onlyDirectories, matches: (path) => path !== "" && matchesPath(path) };
}

function compileName(pattern: string, plain: number): Glob {
  if (plain === pattern.length) return (name) => name === pattern;
  const tail = pattern.slice(1);
  if (pattern.startsWith("*") && !WILD.test(tail)) return (name) => name.endsWith(tail);
  return compileGlob(pattern, { pathname: false });
}

/** What stands for itself is compared first; git takes the rest for a pattern of its own, so a `**` may begin there. */
function compilePath(pattern: string, plain: number): Glob {
  if (plain === pattern.length) return (path) => path === pattern;
  const head = pattern.slice(0, plain);
  const matchesRest = compileGlob(pattern.slice(plain), { pathname: true });
  return (path) => path.startsWith(head) && matchesRest(path.slice(plain));
}
