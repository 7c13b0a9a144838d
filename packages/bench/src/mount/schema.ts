import { z } from "zod";

/** What is measured of mounts. */
export interface MountBenchOptions {
  /** How often everything is begun anew. Default 3. */
  readonly runs: number;
  /** A file for the JSON lines, which else go to standard output. */
  readonly json?: string | undefined;
  /** Less of everything: a look at whether it works. */
  readonly quick: boolean;
  /** Many files, and what writes many, instead of how soon one can begin. */
  readonly scale: boolean;
}

/** Reads the command line's values, which are texts. Throws a `ZodError`. */
export const MountBenchOptions: z.ZodType<MountBenchOptions> = z.object({
  runs: z.coerce.number().int().positive().max(100).default(3),
  json: z.string().min(1).optional(),
  quick: z.boolean().default(false),
  scale: z.boolean().default(false),
});
