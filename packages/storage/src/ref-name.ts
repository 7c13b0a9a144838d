/** How strict `checkRefName` is. */
export interface RefNameOptions {
  /** Take names of one part, such as `HEAD` (`git check-ref-format --allow-onelevel`). Default `false`. */
  readonly allowOneLevel?: boolean | undefined;
}

/** Control characters, space, DEL and the characters that revision syntax and patterns use; and halves of pairs. */
// biome-ignore format: one class
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Whether `git check-ref-format` accepts this name; text that UTF-8 cannot hold is refused too. */
export function checkRefName(name: string, options: RefNameOptions = {}): boolean {
  if (name === "@" || name.endsWith(".") || FORBIDDEN.test(name)) return false;
  const parts = name.split("/");
  if (parts.length < 2 && options.allowOneLevel !== true) return false;
  for (const part of parts) {
    if (part === "" || part.startsWith(".") || part.endsWith(".lock")) return false;
  }
  return true;
}

/** Whether a ref of this name can be made by a commit: a valid name below `refs/`. */
export function isUpdatableRef(name: string): boolean {
  return name.startsWith("refs/") && checkRefName(name);
}

/** The names that cannot exist beside this one since it needs them as directories, innermost first, `refs` left out. */
export function refParents(name: string): string[] {
  const parents: string[] = [];
  for (let end = name.lastIndexOf("/"); end > 4; end = name.lastIndexOf("/", end - 1)) {
    parents.push(name.slice(0, end));
  }
  return parents;
}

/** The refs that are there, as far as `findDirectoryConflict` asks. */
export interface RefNames {
  has(name: string): boolean;
  /** Names that start with `prefix`. */
  under(prefix: string): Iterable<string>;
}

/** The ref that keeps `name` from being made: one above it (`a` for `a/b`) or one below it; `undefined` where none does. */
export function findDirectoryConflict(name: string, refs: RefNames): string | undefined {
  for (const parent of refParents(name)) {
    if (refs.has(parent)) return parent;
  }
  for (const child of refs.under(`${name}/`)) return child;
  return undefined;
}
