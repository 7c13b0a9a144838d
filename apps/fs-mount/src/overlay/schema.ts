import type { Oid } from "@millrace/pack";
import { z } from "zod";
import { isContentId } from "../filters/content-id.ts";
import type { LowerTree } from "./row.ts";

/** What an overlay works on. */
export interface OverlayOptions {
  /** Where local changes are kept; it is made. One process at a time works on it. */
  readonly folder: string;
  /** The tree that lies below a new overlay. One that has been here before goes on with the one that it had. */
  readonly tree: Oid;
  /** The entries of a tree that lies below a directory in which something is changed: it must be there at once. What it throws goes on to the caller. */
  readonly lower: (tree: Oid) => LowerTree;
  /** The caller has seen to it that nobody else works on the folder. */
  readonly isLocked?: boolean | undefined;
}
export const OverlayOptions: z.ZodType<OverlayOptions> = z.object({
  folder: z.string().min(1),
  tree: z.custom<Oid>(isContentId),
  lower: z.custom<OverlayOptions["lower"]>((lower) => typeof lower === "function"),
  isLocked: z.boolean().optional(),
});
