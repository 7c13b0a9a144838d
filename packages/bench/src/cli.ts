/** `pnpm bench`: Millrace beside the real git, in one run on one machine. */
import { Command } from "commander";
import { z } from "zod";
import { runBench } from "./run-bench.ts";
import { BenchOptions } from "./schema.ts";

const program = new Command("bench")
  .description("measures Millrace beside the real git on this machine; see docs/benchmarks.md")
  .option("--repo <path>", "a repository or bundle to measure on, instead of a generated one")
  .option("--label <name>", "what the results call it (default: the last part of its path)")
  .option("--generate <what>", "small, large or objects=<n>", "small")
  .option("--runs <n>", "how often each does each piece of work", "5")
  .option("--only <cases>", "names of cases, with commas between")
  .option("--json <file>", "where JSON lines go, instead of standard output")
  .option("--readme", "write the table into README.md")
  .option("--quick", "a look at whether everything works; its figures mean little")
  .option("--profile <folder>", "leave CPU profiles of our servers there")
  .action(async (flags: unknown) => runBench(BenchOptions.parse(flags)));

try {
  await program.parseAsync(process.argv.filter((argument, i) => i < 2 || argument !== "--"));
} catch (error) {
  const text = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
  process.stderr.write(`bench: ${text}\n`);
  process.exitCode = 1;
}
