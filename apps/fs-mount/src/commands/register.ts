import { normalize } from "node:path";
import { type Command, Option } from "commander";
import type { AddFlags, StateFlag } from "./control.ts";
import type { DaemonFlags } from "./daemon.ts";
import type { DoctorFlags } from "./doctor.ts";
import type { MaterializeFlags } from "./materialize.ts";
import type { RedirectFlags } from "./redirect.ts";
import type { StatusFlags } from "./status.ts";

const STATE = [
  "--state <dir>",
  "of the daemon: MILLRACE_MOUNT_STATE, or below ~/.local/state/millrace",
] as const;
const LFS = ["--lfs", "files of git-lfs from its server, in place of their pointers"] as const;
const LAZY = ["--lazy", "take the name away at once, though somebody uses the mount"] as const;

/** Registers the commands beside the mount itself. Each is loaded when it is run; `exit` is told its status. */
export function registerCommands(program: Command, version: string, exit: (status: number) => void): void {
  program
    .command("materialize")
    .description(
      "write the files out as plain ones, with a git directory that fetches the rest: no mount, no privileges",
    )
    .argument("<repository>", "URL[@REF], as above")
    .argument("<directory>", "an empty directory, or none")
    .option(
      "--path <dir>",
      "only what is below this directory of it, and the files of those above; the same with another one",
      (path: string, before: readonly string[] | undefined) => [...(before ?? []), path],
    )
    .option("--no-history", "only this commit")
    .option(...LFS)
    .action(async (repository: string, directory: string, flags: MaterializeFlags) => {
      await (await import("./materialize.ts")).materialize(repository, directory, flags);
    });

  program
    .command("daemon")
    .description("keep all that is registered mounted, and do what the commands below ask for")
    .option(...STATE)
    .option(
      "--mount-root <dir>",
      "where repositories are mounted without a directory (default: mnt in its state)",
    )
    .option("--cache-dir <dir>", "where contents of files are kept (default: ~/.cache/millrace/blobs)")
    .option("--cache-bytes <n>", "how much may be kept there (default: 10 GiB)")
    .option(
      "--retry <time>",
      "the first wait after a mount that failed; it doubles up to ten times that",
      "30s",
    )
    .option("--uid <n>", "under this user's id, as root may (default: yours)")
    .option("--gid <n>", "and in this group (default: the user's)")
    .addOption(new Option("--with-parent", "end when standard input does").hideHelp())
    .action(async (flags: DaemonFlags) => {
      await (await import("./daemon.ts")).daemon(flags, version);
    });

  program
    .command("doctor")
    .description("look what stands in the way of mounts, and how those fare that are there")
    .option(...STATE)
    .option("--cache-dir <dir>", "where contents of files are kept")
    .option("--json", "as JSON")
    .action(async (flags: DoctorFlags) => {
      exit(await (await import("./doctor.ts")).doctor(flags));
    });

  registerControl(program);
}

/** The commands that a running daemon performs. */
function registerControl(program: Command): void {
  const control = async (): Promise<typeof import("./control.ts")> => await import("./control.ts");

  addMountOptions(
    program
      .command("add")
      .description("register a repository, which is mounted from then on")
      .argument("<repository>", "URL[@REF]; without a password: git's credential helpers have those")
      .argument("[directory]", "where to mount it (default: its name below the daemon's mount root)")
      .option(...STATE)
      .option("--name <name>", "what to call it (default: the directory's name, or the repository's)")
      .option("--wait", "until git works inside"),
  ).action(async (repository: string, directory: string | undefined, flags: AddFlags) => {
    await (await control()).add(repository, directory, flags);
  });

  program
    .command("remove")
    .description("unmount a repository and forget it; its folder with git directory and local changes stays")
    .argument("<name>")
    .option(...STATE)
    .option("--purge", "delete that folder, too")
    .option(...LAZY)
    .action(async (name: string, flags: StateFlag & { purge?: boolean; lazy?: boolean }) => {
      await (await control()).remove(name, flags);
    });

  program
    .command("list")
    .description("what is registered: name, ref, directory and address, with tabs between them")
    .option(...STATE)
    .action(async (flags: StateFlag) => {
      await (await control()).list(flags);
    });

  program
    .command("status")
    .description(
      "how it stands with one repository, or with all; hydrated_* count what was fetched since it was mounted, not what the cache has",
    )
    .argument("[name]")
    .option(...STATE)
    .option("--json", "as JSON")
    .option("--watch", "again whenever it is another, until Ctrl-C")
    .action(async (name: string | undefined, flags: StatusFlags) => {
      await (await import("./status.ts")).status(name, flags);
    });

  const ONE = {
    prepare: "prepare a repository again where that has failed, and mount it",
    fetch: "look now where the remote repository has got to; files and branches stay as they are",
    remount: "unmount and mount again",
    unmount: "unmount, until it is mounted again by remount or add",
  } as const;
  for (const command of ["prepare", "fetch", "remount", "unmount"] as const) {
    const one = program
      .command(command)
      .description(ONE[command])
      .argument("<name>")
      .option(...STATE);
    if (command === "remount" || command === "unmount") one.option(...LAZY);
    one.action(async (name: string, flags: StateFlag & { lazy?: boolean }) => {
      await (await control()).perform(command, name, flags);
    });
  }

  program
    .command("set-refresh")
    .description("look at the remote repository at another interval")
    .argument("<name>")
    .argument("<interval>", "like 30s, 5m or 1h, or never")
    .option(...STATE)
    .action(async (name: string, interval: string, flags: StateFlag) => {
      await (await control()).setRefresh(name, interval, flags);
    });

  program
    .command("prefetch")
    .description("bring all files at or below a path in a mount here")
    .argument("<path>")
    .option(...STATE)
    .action(async (path: string, flags: StateFlag) => {
      await (await control()).prefetch(path, flags);
    });

  program
    .command("redirect")
    .description("put a directory in a mount on the native disk, node_modules say; without a path: list them")
    .argument("[path]")
    .option(...STATE)
    .option("--bind", "by a mount over it, as root may (default for root)")
    .option("--link", "by a symbolic link (default for others)")
    .option("--undo", "take its content back into the mount")
    .option("--purge", "with --undo: delete its content instead")
    .action(async (path: string | undefined, flags: RedirectFlags) => {
      await (await import("./redirect.ts")).redirect(path, flags);
    });

  program
    .command("evict")
    .description(
      "drop contents of files that can be fetched again: of one git directory or all, and of the cache",
    )
    .argument("[name]")
    .option(...STATE)
    .option("--keep <bytes>", "how much of the cache stays", "0")
    .action(async (name: string | undefined, flags: StateFlag & { keep?: string }) => {
      await (await control()).evict(name, flags);
    });

  program
    .command("gc")
    .description("put the packs of fetches together, and bring the cache within its limit")
    .argument("[name]")
    .option(...STATE)
    .action(async (name: string | undefined, flags: StateFlag) => {
      await (await control()).gc(name, flags);
    });
}

/** What can be said of a mount, in the foreground or not. */
export function addMountOptions(command: Command): Command {
  return command
    .option("--require-commit <id>", "what the ref must lead to, in full; nothing is mounted otherwise")
    .option("--git-dir <dir>", "where its git directory is made, and stays (default: with its state)")
    .option(
      "--prepared-gitdir <dir>",
      "work on this git directory, a clone of the repository, which stays yours (default: one is made)",
    )
    .option("--depth <n>", "only so many commits (default: all of them)")
    .option("--no-history", "only the mounted commit; git fetches others when it needs them")
    .option("--wait-history", "until the history is there, too")
    .option(
      "--refresh <time>",
      "how often to look where the remote repository has got to, or never (default: 30s)",
    )
    .option(...LFS)
    .option(
      "--redirect <path>",
      "put this directory of it on the native disk, and the same with another one",
      (path: string, before: readonly string[] | undefined) => [
        ...(before ?? []),
        normalize(path).replace(/\/$/, ""),
      ],
    )
    .option("--read-only", "nothing can be written, and earlier changes do not show")
    .option("--allow-other", "other users may read, and write where permissions let them")
    .option("--uid <n>", "whose the files are (default: yours)")
    .option("--gid <n>", "their group");
}
