import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type ConfigEntry, parseBoolean } from "@millrace/storage";
import { z } from "zod";
import { readState, writeState } from "../state-file.ts";
import { runGit } from "./run-git.ts";

/** What is configured in a file of git's, by name: all values of each. */
export type Settings = ReadonlyMap<string, readonly string[]>;

/** What was set for a mount, and what had been there. */
interface LentSettings {
  readonly version: 1;
  readonly file: "config" | "config.worktree";
  readonly settings: readonly {
    readonly key: string;
    readonly value: string;
    readonly before: readonly string[];
  }[];
}
const LentSettings: z.ZodType<LentSettings> = z.object({
  version: z.literal(1),
  file: z.enum(["config", "config.worktree"]),
  settings: z.array(z.object({ key: z.string(), value: z.string(), before: z.array(z.string()).readonly() })),
});

const RECORD = "millrace-settings.json";

/**
 * Sets what a mount needs in a git directory that is somebody else's. What was there before is noted first, beside it, so that it can be
 * given back whatever happens.
 * @throws MountError MOUNT_GIT_FAILED; what the disk says
 */
export async function lendSettings(path: string, wanted: readonly ConfigEntry[]): Promise<void> {
  const inAll = await readConfig(path, ["--local"]);
  // With that extension git looks there for what is of one working tree.
  const isSplit = parseBoolean(inAll.get("extensions.worktreeconfig")?.at(-1) ?? "false") === true;
  const file = isSplit ? "config.worktree" : "config";
  const there = await readConfig(path, ["--file", join(path, file)]).catch(() => new Map<string, string[]>());
  const settings = wanted
    .map(({ key, value }) => ({ key, value, before: there.get(key) ?? [] }))
    .filter(({ value, before }) => before.length !== 1 || before[0] !== value);
  writeState(join(path, RECORD), { version: 1, file, settings } satisfies LentSettings);
  for (const { key, value } of settings) await writeConfig(path, file, ["--replace-all", key, value]);
}

/**
 * Gives back what `lendSettings` has set, in this process or in one that was killed. What somebody has set otherwise meanwhile stays.
 * @throws MountError MOUNT_GIT_FAILED, MOUNT_BAD_STATE; what the disk says: it can be done again
 */
export async function takeBackSettings(path: string): Promise<void> {
  const lent = readState(join(path, RECORD), LentSettings);
  if (lent === undefined) return;
  const { file, settings } = lent;
  const there = await readConfig(path, ["--file", join(path, file)]);
  for (const { key, value, before } of settings) {
    const now = there.get(key) ?? [];
    if (now.length !== 1 || now[0] !== value) continue;
    const [first, ...others] = before;
    if (first === undefined) await writeConfig(path, file, ["--unset-all", key]);
    else await writeConfig(path, file, ["--replace-all", key, first]);
    for (const other of others) await writeConfig(path, file, ["--add", key, other]);
  }
  await rm(join(path, RECORD), { force: true });
}

/**
 * What is configured for a git directory.
 * @param where in which files is looked, as `git config` takes it; by default in all
 * @throws MountError MOUNT_GIT_FAILED; `signal.reason`
 */
export async function readConfig(
  path: string,
  where: readonly string[] = [],
  signal?: AbortSignal,
): Promise<Settings> {
  const settings = new Map<string, string[]>();
  const listed = await runGit({ path, args: ["config", ...where, "--list", "-z"], signal });
  for (const entry of listed.split("\0")) {
    const [, name = "", value = "true"] = /^([^\n]*)(?:\n(.*))?$/s.exec(entry) ?? [];
    settings.set(name, [...(settings.get(name) ?? []), value]);
  }
  return settings;
}

async function writeConfig(path: string, file: string, args: readonly string[]): Promise<void> {
  await runGit({ path, args: ["config", "--file", join(path, file), ...args] });
}
