import { access, constants, mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { Command, CommanderError } from "commander";
import { parseAddress } from "@millrace/protocol-v2/client";
import { z } from "zod";
import { chooseCacheFolder, chooseStateFolder } from "./folders.ts";
import { materialize } from "./materialize/materialize.ts";
import { mountRepository, type RepositoryMount } from "./mount-repository.ts";
import { openPlace } from "./place.ts";

/** The command line of a mount, as text. */
interface MountFlags {
  readonly state?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly cacheBytes?: string | undefined;
  readonly allowOther?: boolean | undefined;
  readonly readOnly?: boolean | undefined;
  readonly uid?: string | undefined;
  readonly gid?: string | undefined;
  readonly history: boolean;
}

const id = z.coerce.number().int().min(0).max(0xfffffffe).optional();
const Flags = z.object({
  state: z.string().min(1).optional(),
  cacheDir: z.string().min(1).optional(),
  cacheBytes: z.coerce.number().int().positive().optional(),
  allowOther: z.boolean().default(false),
  readOnly: z.boolean().default(false),
  uid: id,
  gid: id,
  history: z.boolean(),
});

/** Runs `millrace-mount`. @returns the status to exit with */
export async function runCommandLine(argv: readonly string[], version: string): Promise<number> {
  let status = 0;
  const program = new Command("millrace-mount")
    .description("Mounts a git repository before it is cloned: files are fetched when they are read.")
    .version(version)
    .exitOverride()
    .argument("<repository>", "URL[@REF]: http(s), ssh, host:path, a directory, or s3://bucket/prefix/name")
    .argument("<directory>", "where to mount it; made where it is missing")
    .option("--state <dir>", "where its git directory is kept (default: below ~/.local/state/millrace)")
    .option(
      "--cache-dir <dir>",
      "where contents of files are kept, for all mounts (default: ~/.cache/millrace/blobs)",
    )
    .option("--cache-bytes <n>", "how much may be kept there (default: 10 GiB)")
    .option("--no-history", "only the mounted commit; git fetches others when it needs them")
    .option("--read-only", "nothing can be written, and earlier changes do not show")
    .option("--allow-other", "other users may read, and write where permissions let them")
    .option("--uid <n>", "whose the files are (default: yours)")
    .option("--gid <n>", "their group")
    .action(async (repository: string, directory: string, flags: MountFlags) => {
      status = await runMount(repository, directory, flags);
    });
  program
    .command("materialize")
    .description(
      "write the files out as plain ones, with a git directory that fetches the rest: no mount, no privileges",
    )
    .argument("<repository>", "URL[@REF], as above")
    .argument("<directory>", "an empty directory, or none")
    .option("--no-history", "only this commit")
    .action(async (repository: string, directory: string, { history }: { history: boolean }) => {
      const { repository: url, name } = parseAddress(repository);
      await using place = await openPlace(url, process.env);
      const progress = createProgress();
      const { commit, files } = await materialize({
        place,
        name,
        directory: resolve(directory),
        withHistory: history,
        onProgress: (done, total) => progress.show(`Writing files: ${done} of ${total}`),
      });
      progress.clear();
      process.stdout.write(
        `${place.address}@${name} (${commit.slice(0, 9)}): ${files} files in ${directory}\n`,
      );
    });
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 129;
    process.stderr.write(`millrace-mount: ${wordsOf(error)}\n`);
    return 1;
  }
  return status;
}

/** Mounts and stays until the mount has ended or a signal comes. */
async function runMount(repository: string, given: string, flags: MountFlags): Promise<number> {
  const { state, cacheDir, cacheBytes, allowOther, readOnly, uid, gid, history } = Flags.parse(flags);
  await probe(repository, given);
  const { repository: url, name } = parseAddress(repository);
  const directory = resolve(given);
  await mkdir(directory, { recursive: true });
  const progress = createProgress();
  await using place = await openPlace(url, process.env);
  const stop = new AbortController();
  const signals = onSignals((times) => {
    if (mounted === undefined) stop.abort(new Error("interrupted"));
    else void unmount(mounted, times);
  });
  let mounted: RepositoryMount | undefined;
  try {
    progress.show(`Fetching the trees of ${place.address}`);
    mounted = await mountRepository({
      place,
      name,
      directory,
      stateFolder: chooseStateFolder(state, { url: place.url, name, directory }, process.env),
      cacheFolder: chooseCacheFolder(cacheDir, process.env),
      cacheBytes,
      allowOther,
      readOnly,
      uid,
      gid,
      withHistory: history,
      signal: stop.signal,
      onFault: (error) => process.stderr.write(`millrace-mount: ${wordsOf(error)}\n`),
    });
    progress.show("Writing git's index");
    await Promise.race([mounted.ready, mounted.ended]).catch(() => undefined);
    progress.clear();
    const { commit, branch = name } = mounted;
    const short = branch.replace(/^refs\/heads\//, "");
    process.stdout.write(
      `${place.address}@${short} (${commit.slice(0, 9)}) is at ${mounted.directory}; Ctrl-C unmounts\n`,
    );
    await mounted.ended;
    return 0;
  } catch (error) {
    const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
    if (!CANNOT_MOUNT.has(String(code))) throw error;
    throw new Error(cannotMount(String(message), repository, given), { cause: error });
  } finally {
    progress.clear();
    signals.forget();
    await mounted?.[Symbol.asyncDispose]();
  }
}

/** What keeps a machine, or its user, from mounting: plain files are the way out. */
const CANNOT_MOUNT = new Set([
  "FUSE_UNAVAILABLE",
  "FUSE_NOT_PERMITTED",
  "FUSE_HELPER_UNUSABLE",
  "FUSE_NATIVE_MISSING",
  "FUSE_MOUNT_FAILED",
]);

/** Fails before anything is fetched where nothing can be mounted. */
async function probe(repository: string, directory: string): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  try {
    // For anybody else a helper opens it, which has rights of its own.
    await access("/dev/fuse", isRoot ? constants.R_OK | constants.W_OK : constants.F_OK);
  } catch (error) {
    throw new Error(cannotMount("/dev/fuse is missing or may not be opened", repository, directory), {
      cause: error,
    });
  }
}

function cannotMount(why: string, repository: string, directory: string): string {
  return `cannot mount here: ${why}. Plain files are the way out: millrace-mount materialize ${repository} ${directory}`;
}

/** A first signal unmounts what nobody uses; a second one takes the name away, and whoever uses it goes on to the end. */
async function unmount(mounted: RepositoryMount, times: number): Promise<void> {
  try {
    await mounted.unmount({ lazy: times > 1 });
  } catch (error) {
    const isBusy = (error as { readonly code?: unknown }).code === "FUSE_BUSY";
    const what = isBusy ? "somebody uses the mount; once more takes it away from them" : wordsOf(error);
    process.stderr.write(`millrace-mount: ${what}\n`);
  }
}

function onSignals(act: (times: number) => void): { forget(): void } {
  let times = 0;
  const heard = (): void => act(++times);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, heard);
  return {
    forget() {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, heard);
    },
  };
}

/** One line on a terminal that is written over, and nothing elsewhere. */
function createProgress(): { show(text: string): void; clear(): void } {
  const { stderr } = process;
  return {
    show(text) {
      if (stderr.isTTY) stderr.write(`\r\u001b[K${text}`);
    },
    clear() {
      if (stderr.isTTY) stderr.write("\r\u001b[K");
    },
  };
}

function wordsOf(error: unknown): string {
  if (error instanceof z.ZodError) return z.prettifyError(error);
  return error instanceof Error ? error.message : String(error);
}
