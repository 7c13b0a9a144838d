import { z } from "zod";

/** What is measured over a bucket. */
export interface BucketBenchOptions {
  /** Added to each request's way to the store, in milliseconds. Default 100. */
  readonly latency: number;
  /** Names of cases. Default: all. */
  readonly only: readonly string[];
  /** A file for the JSON lines, which else go to standard output. */
  readonly json?: string | undefined;
  /** Less of everything: a look at whether it works. */
  readonly quick: boolean;
}

/** Reads the command line's values, which are texts. Throws a `ZodError`. */
export const BucketBenchOptions: z.ZodType<BucketBenchOptions> = z.object({
  latency: z.coerce.number().nonnegative().max(10_000).default(100),
  only: z
    .string()
    .optional()
    .transform((text) => text?.split(",").filter(Boolean) ?? []),
  json: z.string().min(1).optional(),
  quick: z.boolean().default(false),
});
