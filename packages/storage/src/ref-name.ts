/** How strict `checkRefName` is. */
export interface RefNameOptions {
  /** Take names of one part, such as `HEAD` (`git check-ref-format --allow-onelevel`). Default `false`. */
  readonly allowOneLevel?: boolean | undefined;
}

/** Space and what revision syntax and patterns use; control characters are known by their codes. */
const FORBIDDEN: Uint8Array = new Uint8Array(128);
for (const char of " ~^:?*[\\\u007f") FORBIDDEN[char.charCodeAt(0)] = 1;
FORBIDDEN.fill(1, 0, 32);

/** Half of a surrogate pair, which UTF-8 cannot hold. */
const LONE_HALF = /\p{Surrogate}/u;

const SLASH = 47;
const DOT = 46;
const AT = 64;
const BRACE = 123;

/** Whether `git check-ref-format` accepts this name; text that UTF-8 cannot hold is refused too. */
export function checkRefName(name: string, options: RefNameOptions = {}): boolean {
  let before = SLASH;
  let parts = 1;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code < 128 ? FORBIDDEN[code] === 1 : (code & 0xf800) === 0xd800 && LONE_HALF.test(name)) return false;
    // No part is empty or starts with a dot; `..` and `@{` are revision syntax.
    if (before === SLASH && (code === SLASH || code === DOT)) return false;
    if ((before === DOT && code === DOT) || (before === AT && code === BRACE)) return false;
    if (code === SLASH) {
      if (name.endsWith(".lock", i)) return false;
      parts++;
    }
    before = code;
  }
  if (before === SLASH || before === DOT || name === "@" || name.endsWith(".lock")) return false;
  return parts > 1 || options.allowOneLevel === true;
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

/** Where git looks for a short ref name, in order (gitrevisions, "<refname>"). */
export function expandRefName(name: string): readonly string[] {
  return [
    name,
    `refs/${name}`,
    `refs/tags/${name}`,
    `refs/heads/${name}`,
    `refs/remotes/${name}`,
    `refs/remotes/${name}/HEAD`,
  ];
}
