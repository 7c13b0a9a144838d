import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Oid } from "@millrace/pack";
import { z } from "zod";
import { isContentId } from "../filters/content-id.ts";
import type { Change } from "./change-log.ts";

/** A log of changes, as it was when its store was closed. */
export interface SavedChanges {
  readonly floor: number;
  readonly now: number;
  readonly epochs: readonly (readonly [epoch: string, last: number])[];
  /** In the order of their stamps. */
  readonly changes: readonly Change[];
}

const stamp = z.number().int().positive();
const Saved = z.object({
  version: z.literal(1),
  /** The number of the store's last change. */
  last: z.number().int().nonnegative(),
  floor: stamp,
  now: stamp,
  epochs: z.array(z.tuple([z.string(), stamp])),
  changes: z.array(
    z.object({
      path: z.string(),
      tree: z.custom<Oid>(isContentId).optional(),
      stamp,
    }),
  ),
});

/**
 * Takes what was saved: the file is gone then, so that after a crash nothing is known.
 * @param last the number of the store's last change: a file that comes back after a loss of power is of an earlier one
 * @returns `undefined` where nothing was saved that holds
 */
export function takeChanges(file: string, last: number): SavedChanges | undefined {
  try {
    const content = readFileSync(file, "utf8");
    rmSync(file);
    const saved = Saved.parse(JSON.parse(content));
    return saved.last === last ? saved : undefined;
  } catch {
    return undefined;
  }
}

/** Saves a log when its store has been closed. @throws errors of `node:fs` */
export function putChanges(file: string, last: number, saved: SavedChanges): void {
  writeFileSync(`${file}.new`, JSON.stringify({ version: 1, last, ...saved }), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
