import { badRequest } from "../errors.ts";
import type { Place, Places } from "./place.ts";
import type { SparsePatterns } from "./sparse-patterns.ts";

export interface SparsePlacesOptions {
  /** A blob is sent where all of these take it in. */
  readonly patterns: readonly SparsePatterns[];
  /** Trees and blobs so deep stay out. */
  readonly depthBelow: number;
  /** How many paths are looked at; beyond, the request is refused. Default 4,000,000. */
  readonly maxPaths?: number | undefined;
}

const DEFAULT_MAX_PATHS = 4_000_000;

/**
 * Places told apart by path, for filters that look at names (`sparse:oid`). Each path is matched once, each tree read
 * once a path. Throws `REPOSITORY_BAD_REQUEST` where there are too many paths: trees that contain one tree many times
 * over may have more of them than memory holds.
 */
export function createSparsePlaces(options: SparsePlacesOptions): Places {
  const { patterns, depthBelow, maxPaths = DEFAULT_MAX_PATHS } = options;
  let paths = 0;
  const countPath = (): void => {
    if (++paths > maxPaths) throw badRequest("sparse filter: too many paths");
  };

  /** What each pattern list says of a path; where it is silent, what it says of the directory. */
  const decide = (
    above: readonly boolean[],
    path: string,
    name: string,
    isDirectory: boolean,
  ): readonly boolean[] =>
    patterns.map((list, i) => list.decide(path, name, isDirectory) ?? above[i] === true);

  const createPlace = (path: string, depth: number, taken: readonly boolean[]): Place => {
    const trees = new Set<number>();
    const directories = new Map<string, Place>();
    const blobs = new Map<string, boolean>();
    const isOpen = depth + 1 < depthBelow;
    const pathOf = (name: string): string => (path === "" ? name : `${path}/${name}`);
    return {
      isOpen,
      enter(tree) {
        if (depth >= depthBelow || trees.has(tree)) return false;
        trees.add(tree);
        return true;
      },
      below(content, nameStart, nameEnd) {
        const name = decodeName(content, nameStart, nameEnd);
        let place = directories.get(name);
        if (place === undefined) {
          countPath();
          const below = pathOf(name);
          place = createPlace(below, depth + 1, decide(taken, below, name, true));
          directories.set(name, place);
        }
        return place;
      },
      sendsBlob(content, nameStart, nameEnd) {
        if (!isOpen) return false;
        const name = decodeName(content, nameStart, nameEnd);
        let isSent = blobs.get(name);
        if (isSent === undefined) {
          countPath();
          isSent = decide(taken, pathOf(name), name, false).every(Boolean);
          blobs.set(name, isSent);
        }
        return isSent;
      },
    };
  };

  const nothing = patterns.map(() => false);
  return {
    root: createPlace("", 0, decide(nothing, "", "", true)),
    given: createPlace("", -1, nothing),
  };
}

function decodeName(content: Uint8Array, start: number, end: number): string {
  return Buffer.from(content.buffer, content.byteOffset + start, end - start).toString("latin1");
}
