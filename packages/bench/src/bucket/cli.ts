/** `pnpm bench:s3`: Millrace over a bucket whose requests take their time. */
import { Command } from "commander";
import { z } from "zod";
import { runBucketBench } from "./run-bucket-bench.ts";
import { BucketBenchOptions } from "./schema.ts";

const program = new Command("bench:s3")
  .description("measures Millrace over a bucket; see docs/benchmarks.md")
  .option("--latency <ms>", "added to each request on its way to the store", "100")
  .option("--only <cases>", "names of cases, with commas between")
  .option("--json <file>", "where JSON lines go, instead of standard output")
  .option("--quick", "a look at whether everything works; its figures mean little")
  .action(async (flags: unknown) => runBucketBench(BucketBenchOptions.parse(flags)));

try {
  await program.parseAsync(process.argv.filter((argument, i) => i < 2 || argument !== "--"));
} catch (error) {
  const text = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
  process.stderr.write(`bench:s3: ${text}\n`);
  process.exitCode = 1;
}
