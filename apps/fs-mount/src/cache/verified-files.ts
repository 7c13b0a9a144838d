import type { Stats } from "node:fs";
import type { Oid } from "@millrace/pack";

/** What tells one state of a file from another. */
interface Identity {
  readonly ino: number;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

/** How many files are remembered; those verified longest ago are forgotten, and verified again. */
const MAX_REMEMBERED = 500_000;

/** Files whose content was seen to be right, by inode, size and time of change: each state is verified once. */
export class VerifiedFiles {
  readonly #known = new Map<Oid, Identity>();

  add(oid: Oid, { ino, size, mtimeMs }: Stats): void {
    this.#known.delete(oid);
    this.#known.set(oid, { ino, sizeBytes: size, mtimeMs });
    if (this.#known.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }

  has(oid: Oid, { ino, size, mtimeMs }: Stats): boolean {
    const known = this.#known.get(oid);
    return known !== undefined && known.ino === ino && known.sizeBytes === size && known.mtimeMs === mtimeMs;
  }

  forget(oid: Oid): void {
    this.#known.delete(oid);
  }
}
