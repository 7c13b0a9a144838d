/** `pnpm bench:mount`: how soon one can work in a mount, and how fast, beside clones. */
import { Command } from "commander";
import { z } from "zod";
import { runMountBench } from "./run-mount-bench.ts";
import { runScaleBench } from "./run-scale-bench.ts";
import { MountBenchOptions } from "./schema.ts";

const program = new Command("bench:mount")
  .description("measures mounts beside a full clone and one without files; see docs/benchmarks.md")
  .option("--runs <n>", "how often everything is begun anew", "3")
  .option("--json <file>", "where JSON lines go, instead of standard output")
  .option("--quick", "a look at whether everything works; its figures mean little")
  .option("--scale", "100,000 files, and what writes many, instead of how soon one can begin")
  .action(async (flags: unknown) => {
    const options = MountBenchOptions.parse(flags);
    await (options.scale ? runScaleBench(options) : runMountBench(options));
  });

try {
  await program.parseAsync(process.argv.filter((argument, i) => i < 2 || argument !== "--"));
} catch (error) {
  const text = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
  process.stderr.write(`bench:mount: ${text}\n`);
  process.exitCode = 1;
}
