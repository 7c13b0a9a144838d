import { compileGlob } from "@millrace/repository";

/** A pattern of an attributes file. */
export interface AttributePattern {
  /** It speaks of paths, and not of names alone. */
  readonly isOfPath: boolean;
  /**
   * Whether a file is meant. Bytes, one to a character.
   * @param path from the folder of the attributes file on
   * @param name its last part
   */
  readonly matches: (path: string, name: string) => boolean;
}

const SPECIAL = /[*?[\\]/;
const NOTHING = (): boolean => false;

/** Compiles a pattern (gitattributes: as gitignore has them, but without negation: `undefined` for one that begins with `!`). */
export function compilePattern(pattern: string): AttributePattern | undefined {
  if (pattern.startsWith("!")) return undefined;
  // Files are asked for, and such a pattern means directories; nothing below them inherits it.
  if (pattern.endsWith("/")) return { isOfPath: false, matches: NOTHING };
  if (!pattern.includes("/")) return { isOfPath: false, matches: matchName(pattern) };
  return { isOfPath: true, matches: matchPath(pattern.startsWith("/") ? pattern.slice(1) : pattern) };
}

function matchName(pattern: string): AttributePattern["matches"] {
  if (!SPECIAL.test(pattern)) return (_, name) => name === pattern;
  const end = pattern.slice(1);
  if (pattern.startsWith("*") && !SPECIAL.test(end)) return (_, name) => name.endsWith(end);
  const glob = compileGlob(pattern, { pathname: false });
  return (_, name) => glob(name);
}

function matchPath(pattern: string): AttributePattern["matches"] {
  const special = pattern.search(SPECIAL);
  if (special < 0) return (path) => path === pattern;
  // git compares what comes before and gives the rest to its matcher: two stars there are at a beginning.
  const start = pattern.slice(0, special);
  const glob = compileGlob(pattern.slice(special), { pathname: true });
  return (path) => path.startsWith(start) && glob(path.slice(special));
}
