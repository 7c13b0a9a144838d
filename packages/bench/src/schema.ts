import { z } from "zod";

/** What is measured, and on what. */
export interface BenchOptions {
  /** A repository, bare or not, or a bundle. Default: a generated one. */
  readonly repo?: string | undefined;
  /** What the repository is called in the results. Default: the last part of its path. */
  readonly label?: string | undefined;
  /** `small`, `large` or `objects=<n>`. Default `small`. */
  readonly generate: string;
  /** How often each subject does the work of a contest. Default 5. */
  readonly runs: number;
  /** Names of cases. Default: all. */
  readonly only: readonly string[];
  /** A file for the JSON lines, which else go to standard output. */
  readonly json?: string | undefined;
  /** Write the table into README.md. */
  readonly readme: boolean;
  /** One run of everything, with less of it: a look at whether it works, whose figures mean little. */
  readonly quick: boolean;
  /** A folder for CPU profiles of our servers. */
  readonly profile?: string | undefined;
}

/** Reads the command line's values, which are texts. Throws a `ZodError`. */
export const BenchOptions: z.ZodType<BenchOptions> = z.object({
  repo: z.string().min(1).optional(),
  label: z.string().min(1).optional(),
  generate: z
    .string()
    .regex(/^(?:small|large|objects=[1-9]\d{2,7})$/, "small, large or objects=<n>")
    .default("small"),
  runs: z.coerce.number().int().positive().max(1000).default(5),
  only: z
    .string()
    .optional()
    .transform((text) => text?.split(",").filter(Boolean) ?? []),
  json: z.string().min(1).optional(),
  readme: z.boolean().default(false),
  quick: z.boolean().default(false),
  profile: z.string().min(1).optional(),
});
