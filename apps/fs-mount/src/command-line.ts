import { Command, CommanderError } from "commander";
import { addMountOptions, registerCommands } from "./commands/register.ts";
import type { AddFlags } from "./commands/control.ts";
import type { MountFlags } from "./commands/mount.ts";
import { wordsOf } from "./told-error.ts";

/** No daemon runs that could do what was asked. */
const NO_DAEMON = 3;

/** Runs `millrace-mount`. @returns the status to exit with */
export async function runCommandLine(argv: readonly string[], version: string): Promise<number> {
  let status = 0;
  const program = new Command("millrace-mount")
    .description("Mounts a git repository before it is cloned: files are fetched when they are read.")
    .version(version)
    .exitOverride()
    // A command's own options are its own, though some are called like those of the mount.
    .enablePositionalOptions()
    .argument("<repository>", "URL[@REF]: http(s), ssh, host:path, a directory, or s3://bucket/prefix/name")
    .argument("<directory>", "where to mount it; made where it is missing")
    .option("--state <dir>", "where its git directory is kept (default: below ~/.local/state/millrace)")
    .option(
      "--cache-dir <dir>",
      "where contents of files are kept, for all mounts (default: ~/.cache/millrace/blobs)",
    )
    .option("--cache-bytes <n>", "how much may be kept there (default: 10 GiB)")
    .option(
      "--detach",
      "have a daemon do it, which is started where none runs; --state is the daemon's then",
    );
  addMountOptions(program).action(
    async (repository: string, directory: string, flags: MountFlags & AddFlags & { detach?: boolean }) => {
      if (flags.detach === true) {
        await (await import("./commands/control.ts")).detach(repository, directory, flags);
      } else await (await import("./commands/mount.ts")).mount(repository, directory, flags);
    },
  );
  registerCommands(program, version, (exit) => (status = exit));
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 129;
    process.stderr.write(`millrace-mount: ${wordsOf(error)}\n`);
    return (error as { readonly code?: unknown } | null)?.code === "MOUNT_NO_DAEMON" ? NO_DAEMON : 1;
  }
  return status;
}
