import type { ListedEntry } from "../../view/view.ts";

/** After so long nothing is known of who comes next, in milliseconds. */
const FORGOTTEN_AFTER_MS = 1000;

/** How the entries of a directory are told. */
export interface Telling {
  /** Whether files are told with their nodes. */
  readonly withNodes: boolean;
  /** The name of a file that is told without one nevertheless. */
  readonly except: string | undefined;
}

/**
 * Whether those who list directories look at the files in them, too (`ls -l`, and not `find`): then nodes are told along with the names,
 * so that nobody asks for them one by one; else they would be made for nothing. The kernel does not tell which nodes are used. So one file
 * of each directory is held back, and whoever looks at all of them asks for it.
 */
export class ListingHabit {
  readonly #now: () => number;
  #withNodes = true;
  #listedAt = -Infinity;
  #held: { readonly directory: number; readonly name: string } | undefined;
  #isLookedAt = false;

  /** @param now milliseconds of a clock that only goes forward */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Somebody begins to list a directory. */
  list(directory: number, entries: readonly ListedEntry[]): Telling {
    const now = this.#now();
    if (now - this.#listedAt > FORGOTTEN_AFTER_MS) this.#withNodes = true;
    else if (this.#held !== undefined) this.#withNodes = this.#isLookedAt;
    this.#listedAt = now;
    const name = entries.find(({ kind }) => kind !== "directory")?.name;
    // A directory without files tells nothing.
    if (name === undefined && this.#held !== undefined)
      return { withNodes: this.#withNodes, except: undefined };
    this.#held = name === undefined ? undefined : { directory, name };
    this.#isLookedAt = false;
    return { withNodes: this.#withNodes, except: name };
  }

  /** Somebody looks for a name. */
  lookup(directory: number, name: string): void {
    if (this.#held?.directory === directory && this.#held.name === name) this.#isLookedAt = true;
  }
}
