import type { Command } from "commander";
import type { BrowseStreams } from "./browse.ts";
import type { GrepFlags } from "./grep.ts";
import type { LsFlags } from "./ls.ts";

const REPOSITORY = "URL[@REF]: http(s), ssh, s3://bucket/prefix/name, host:path or a directory";
const DEFAULT_LOG_COUNT = 20;

/** The commands that look into a repository without cloning it. What they need is loaded when one of them runs. */
export function registerBrowsing(program: Command, streams: BrowseStreams): void {
  program
    .command("cat")
    .description("print a file of a repository somewhere else")
    .argument("<repository>", REPOSITORY)
    .argument("<path>")
    .action(async (repository: string, path: string) => {
      await (await import("./cat.ts")).cat(repository, path, streams);
    });
  program
    .command("ls")
    .description("list a folder of it")
    .argument("<repository>", REPOSITORY)
    .argument("[path]", "", "")
    .option("-l, --long", "mode, id and size too")
    .option("-r, --recursive", "all files below")
    .action(async (repository: string, path: string, flags: LsFlags) => {
      await (await import("./ls.ts")).ls(repository, path, flags, streams);
    });
  program
    .command("grep")
    .description("search its files, line by line")
    .argument("<repository>", REPOSITORY)
    .argument("<pattern>", "a text as it stands")
    .argument("[paths]", "a pattern of paths, such as 'src/**/*.ts'")
    .option("-i, --ignore-case")
    .option("-E, --regexp", "the pattern is an expression")
    .option("-C, --context <n>", "lines around each hit")
    .option("-m, --max-count <n>", "hits in all")
    .action(async (repository: string, pattern: string, paths: string | undefined, flags: GrepFlags) => {
      const { grep } = await import("./grep.ts");
      if (!(await grep(repository, pattern, paths, flags, streams))) process.exitCode = 1;
    });
  program
    .command("log")
    .description("list its newest commits")
    .argument("<repository>", REPOSITORY)
    .argument("[path]", "only those that changed it", "")
    .option("-n, --max-count <n>", "how many", String(DEFAULT_LOG_COUNT))
    .action(async (repository: string, path: string, flags: { readonly maxCount: string }) => {
      const count = Number(flags.maxCount);
      if (!Number.isSafeInteger(count) || count < 1) throw new Error("--max-count takes a number from 1 on");
      await (await import("./log.ts")).log(repository, path, count, streams);
    });
  program
    .command("du")
    .description("tell how many bytes are in its folders")
    .argument("<repository>", REPOSITORY)
    .argument("[path]", "", "")
    .action(async (repository: string, path: string) => {
      await (await import("./du.ts")).du(repository, path, streams);
    });
}
