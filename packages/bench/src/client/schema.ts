import { z } from "zod";

/** What is measured of the client. */
export interface ClientBenchOptions {
  /** How often each thing is measured. Default 15. */
  readonly runs: number;
  /** A file for the JSON lines, which else go to standard output. */
  readonly json?: string | undefined;
  /** Less of everything: a look at whether it works. */
  readonly quick: boolean;
}

/** Reads the command line's values, which are texts. Throws a `ZodError`. */
export const ClientBenchOptions: z.ZodType<ClientBenchOptions> = z.object({
  runs: z.coerce.number().int().positive().max(1000).default(15),
  json: z.string().min(1).optional(),
  quick: z.boolean().default(false),
});
