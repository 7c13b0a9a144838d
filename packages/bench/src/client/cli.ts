/** `pnpm bench:client`: what reading a tree costs once it is here. */
import { Command } from "commander";
import { z } from "zod";
import { runClientBench } from "./run-client-bench.ts";
import { ClientBenchOptions } from "./schema.ts";

const program = new Command("bench:client")
  .description("measures walks and searches of a tree beside git's; see docs/benchmarks.md")
  .option("--runs <n>", "how often each thing is measured", "15")
  .option("--json <file>", "where JSON lines go, instead of standard output")
  .option("--quick", "a look at whether everything works; its figures mean little")
  .action(async (flags: unknown) => runClientBench(ClientBenchOptions.parse(flags)));

try {
  await program.parseAsync(process.argv.filter((argument, i) => i < 2 || argument !== "--"));
} catch (error) {
  const text = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
  process.stderr.write(`bench:client: ${text}\n`);
  process.exitCode = 1;
}
