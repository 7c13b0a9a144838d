import { posix } from "node:path";
import { z } from "zod";

/**
 * A directory of a cone as the command line names it: relative, of a repository's root, and no pattern, as `git sparse-checkout set`
 * takes them. Becomes its path without `.` and `..`, empty for the root.
 */
export const ConePath: z.ZodType<string, string> = z
  .string()
  .min(1)
  .refine((path) => !path.startsWith("/"), "a directory of the repository has no leading slash")
  .refine((path) => !/[*?[\]\n\0]|^!/.test(path), "a directory, and no pattern")
  .transform((path) => posix.normalize(path).replace(/\/$/, "").replace(/^\.$/, ""))
  .refine((path) => path !== ".." && !path.startsWith("../"), "it is outside of the repository");

/** Which files of a tree are in a sparse checkout. Paths are bytes, one to a character. */
export interface Cone {
  /** Whether anything of a directory is in: the directory itself, or one below it. The root always is. */
  reaches(directory: string): boolean;
  /** Whether a file is in, by its path. */
  has(file: string): boolean;
  /** Whether a path is one of those that were named, which are directories. */
  isNamed(file: string): boolean;
  /** The lines of `info/sparse-checkout` as git writes them. */
  readonly patterns: Buffer;
}

/**
 * A cone: the files of the root, those of some directories with all that is below them, and the files that lie in the directories above
 * those. Implements git-sparse-checkout, "INTERNALS — CONE PATTERN SET".
 * @param directories as `ConePath` has them
 */
export function createCone(directories: readonly string[]): Cone {
  const named = new Set(directories.map((path) => Buffer.from(path).toString("latin1")));
  named.delete("");
  const isBelow = (path: string): boolean => ancestorsOf(path).some((each) => named.has(each));
  // What lies in another one that is whole is named by it.
  const whole = new Set([...named].filter((path) => !isBelow(path)));
  const above = new Set(["", ...[...whole].flatMap(ancestorsOf)]);
  const isWhole = (path: string): boolean =>
    whole.has(path) || ancestorsOf(path).some((each) => whole.has(each));
  return {
    reaches: (directory) => above.has(directory) || isWhole(directory),
    has: (file) => above.has(parentOf(file)) || isWhole(parentOf(file)),
    isNamed: (file) => named.has(file),
    get patterns() {
      const inOrder = (paths: ReadonlySet<string>): string[] =>
        [...paths]
          .filter((path) => path !== "")
          .sort()
          .map((path) => path.replaceAll("\\", "\\\\"));
      const lines = ["/*", "!/*/"];
      for (const each of inOrder(above)) lines.push(`/${each}/`, `!/${each}/*/`);
      for (const each of inOrder(whole)) lines.push(`/${each}/`);
      return Buffer.from(lines.map((line) => `${line}\n`).join(""), "latin1");
    },
  };
}

/** The directories above a path, the root left out. */
function ancestorsOf(path: string): string[] {
  const found: string[] = [];
  for (let at = parentOf(path); at !== ""; at = parentOf(at)) found.push(at);
  return found;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
