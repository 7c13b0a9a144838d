import type { Command } from "commander";
import { chooseCacheFolder } from "../cache-folder.ts";
import { createWorkTreeUpdater } from "../work-tree/update-work-tree.ts";
import type { StdioOptions, StdioStreams } from "./services.ts";

interface StdioFlags {
  readonly strict?: boolean;
  readonly statelessRpc?: boolean;
  readonly httpBackendInfoRefs?: boolean;
  readonly advertiseRefs?: boolean;
}

/** Registers the services that git runs at the other end of a pipe or of ssh. */
export function registerServices(program: Command, version: string): void {
  for (const name of ["upload-pack", "receive-pack"] as const) {
    program
      .command(name)
      .description(`speak git-${name} on standard input and output, as git runs it`)
      .argument("<directory>")
      .option("--strict", "do not try <directory>/.git")
      .option("--no-strict")
      .option("--timeout <seconds>", "accepted as git has it")
      .option("--stateless-rpc", "one request and no advertisement")
      .option("--http-backend-info-refs", "the advertisement only")
      .option("--advertise-refs", "the older name of --http-backend-info-refs")
      .action(async (directory: string, flags: StdioFlags) => {
        const { receivePackStdio, uploadPackStdio } = await import("./services.ts");
        const run = name === "upload-pack" ? uploadPackStdio : receivePackStdio;
        await serveStdio(run, directory, flags, version);
      });
  }
}

async function serveStdio(
  run: (streams: StdioStreams, options: StdioOptions) => Promise<number>,
  directory: string,
  flags: StdioFlags,
  version: string,
): Promise<void> {
  const { parseProtocolVersion } = await import("@millrace/protocol-v2");
  const streams = { input: process.stdin, output: process.stdout };
  process.exitCode = await run(streams, {
    directory,
    strict: flags.strict,
    cacheFolder: chooseCacheFolder(undefined, process.env),
    statelessRpc: flags.statelessRpc,
    advertiseOnly: flags.httpBackendInfoRefs === true || flags.advertiseRefs === true,
    version: parseProtocolVersion(process.env.GIT_PROTOCOL),
    agent: `millrace/${version}`,
    updateWorkTree: createWorkTreeUpdater(process.env),
  });
  // The client may keep its end open; nothing more is read from it.
  process.stdin.destroy();
}
