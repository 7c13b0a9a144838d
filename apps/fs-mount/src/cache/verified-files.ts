import type { Oid } from "@millrace/pack";

/** What tells one state of a file from another; a `Stats` is one. */
export interface FileIdentity {
  readonly ino: number;
  /** Bytes. */
  readonly size: number;
  readonly mtimeMs: number;
}

/** How many files are remembered; those verified longest ago are forgotten, and verified again. */
const MAX_REMEMBERED = 500_000;

/** Files whose content was seen to be right, by inode, size and time of change: each state is verified once. */
export class VerifiedFiles {
  readonly #known = new Map<Oid, FileIdentity>();

  add(oid: Oid, { ino, size, mtimeMs }: FileIdentity): void {
    this.#known.delete(oid);
    this.#known.set(oid, { ino, size, mtimeMs });
    if (this.#known.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }

  /** Whether some state of the blob's file was verified. */
  knows(oid: Oid): boolean {
    return this.#known.has(oid);
  }

  has(oid: Oid, { ino, size, mtimeMs }: FileIdentity): boolean {
    const known = this.#known.get(oid);
    return known !== undefined && known.ino === ino && known.size === size && known.mtimeMs === mtimeMs;
  }

  forget(oid: Oid): void {
    this.#known.delete(oid);
  }
}
