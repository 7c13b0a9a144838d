import { type FSWatcher, watch } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** What is watched, and who is told. */
export interface HeadWatcherOptions {
  /** The git directory. */
  readonly path: string;
  /**
   * Called at the beginning, and whenever `HEAD` may lead elsewhere; one call at a time. Where it rejects it is called again after a
   * while.
   */
  readonly onMove: () => Promise<void>;
  /** Told of rejections. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}

/** How often the files are looked at, in milliseconds: the system may not tell of changes, and not of those in sub-folders. */
const POLL_MS = 500;
/** After the system has told of a change: git changes some files in a row. */
const SETTLE_MS = 20;
const RETRY_MS = 1000;
const MAX_SYMREFS = 5;

/**
 * Watches where `HEAD` of a git directory leads: by the contents of `HEAD`, of the refs that it names and, where those are packed, by
 * the identity of `packed-refs`. What git does to its index alone is nothing to it.
 */
export class HeadWatcher {
  readonly #options: HeadWatcherOptions;
  readonly #watcher: FSWatcher | undefined;
  #known: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: HeadWatcherOptions) {
    this.#options = options;
    this.#watcher = tryWatch(options.path, () => this.#lookAfter(SETTLE_MS));
    this.#lookAfter(0);
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#watcher?.close();
    await this.#looking;
  }

  #lookAfter(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#looking.then(() => this.#look());
    }, delayMs).unref();
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return;
    let nextMs = POLL_MS;
    try {
      const seen = await whereHeadLeads(this.#options.path);
      if (seen !== this.#known) {
        await this.#options.onMove();
        this.#known = seen;
      }
    } catch (error) {
      if (!this.#isClosed) this.#options.onFault?.(error);
      nextMs = RETRY_MS;
    }
    this.#lookAfter(nextMs);
  }
}

/** A text that changes when `HEAD` leads elsewhere. */
async function whereHeadLeads(path: string): Promise<string> {
  const parts: string[] = [];
  for (let name = "HEAD", depth = 0; depth < MAX_SYMREFS; depth++) {
    const text = await readFile(join(path, name), "utf8").catch(absent);
    parts.push(text ?? (await identityOf(join(path, "packed-refs"))));
    const next = /^ref: *(refs\/\S+)/.exec(text ?? "")?.[1];
    if (next === undefined) break;
    name = next;
  }
  // Of a repository whose refs are in tables.
  parts.push(await identityOf(join(path, "reftable", "tables.list")));
  return parts.join("\n");
}

async function identityOf(file: string): Promise<string> {
  const found = await stat(file, { bigint: true }).catch(absent);
  return found === undefined ? "" : `${found.ino} ${found.size} ${found.mtimeNs}`;
}

function absent(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "ENOENT" && code !== "ENOTDIR" && code !== "EISDIR") throw error;
}

function tryWatch(path: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(path, { persistent: false }, changed);
    // Looking from time to time is enough.
    watcher.on("error", () => undefined);
    return watcher;
  } catch {
    return undefined;
  }
}
