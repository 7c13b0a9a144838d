import type { Opened } from "../file-system.ts";
import { OPENED } from "../protocol/constants.ts";

/** FOPEN_PASSTHROUGH. */
const PASSTHROUGH = 128;
const { DIRECT_IO, KEEP_CACHE, NOFLUSH } = OPENED;
/** What may be said of such an open beside; anything else fails it, too. */
const ALLOWED = DIRECT_IO | NOFLUSH;
/** Files whose cached pages are known to be old, at most: beyond, no cache is kept across opens any more. */
const MAX_CHANGED = 65_536;

/** The kernel's list of native files for one connection. */
export interface BackingFiles {
  /** Whether the kernel takes files at all: it wants CAP_SYS_ADMIN. */
  isAllowed(): boolean;
  /** @returns the number of a descriptor's file in the list; throws where the kernel refuses it */
  open(fd: number): number;
  close(id: number): void;
  /** The same for descriptors of the same file. */
  identify(fd: number): string;
}

/** A node that is open. */
interface OpenNode {
  count: number;
  /** Its file, where it is open by passthrough. */
  readonly backing: { readonly id: number; readonly file: string } | undefined;
  written: boolean;
}

/** How an `open` is answered. */
export interface OpenAnswer {
  readonly flags: number;
  /** 0 where there is none. */
  readonly backingId: number;
}

/**
 * Decides which opens go past us to a native file. The kernel has one rule, and fails an open that breaks it with EIO: a node's
 * handles are all by passthrough to one file, or none is. So the first open of a node decides until the last one is closed.
 */
export class Passthrough {
  readonly #files: BackingFiles;
  readonly #nodes = new Map<number, OpenNode>();
  /** Nodes that were written to by passthrough since the kernel has cached pages of them. */
  readonly #changed = new Set<number>();

  constructor(files: BackingFiles) {
    this.#files = files;
  }

  /** A node is about to be told open. @param writes whether what was opened may write */
  opened(nodeId: number, { flags = 0, backingFd }: Opened, writes: boolean): OpenAnswer {
    const open = this.#nodes.get(nodeId) ?? this.#first(nodeId, backingFd);
    open.count++;
    if (open.backing === undefined) return { flags: this.#cacheFlags(nodeId, flags), backingId: 0 };
    open.written ||= writes;
    const { id, file } = open.backing;
    // Another file, or none: reads and writes come to us, past the cache. Only mappings show the file that was there first.
    const isSame = backingFd !== undefined && this.#files.identify(backingFd) === file;
    return { flags: (flags & ALLOWED) | PASSTHROUGH | (isSame ? 0 : DIRECT_IO), backingId: id };
  }

  /** A handle of a node is closed, or was never taken. */
  released(nodeId: number): void {
    const open = this.#nodes.get(nodeId);
    if (open === undefined || --open.count > 0) return;
    this.#nodes.delete(nodeId);
    if (open.backing === undefined) return;
    this.#files.close(open.backing.id);
    if (open.written && this.#changed.size < MAX_CHANGED) this.#changed.add(nodeId);
  }

  #first(nodeId: number, backingFd: number | undefined): OpenNode {
    let backing: OpenNode["backing"];
    if (backingFd !== undefined) {
      try {
        backing = { id: this.#files.open(backingFd), file: this.#files.identify(backingFd) };
      } catch {
        // Such as a file of a file system that is itself stacked: it is read through us.
      }
    }
    const open = { count: 0, backing, written: false };
    this.#nodes.set(nodeId, open);
    return open;
  }

  #cacheFlags(nodeId: number, flags: number): number {
    if (this.#changed.size >= MAX_CHANGED) return flags & ~KEEP_CACHE;
    return this.#changed.delete(nodeId) ? flags & ~KEEP_CACHE : flags;
  }
}
