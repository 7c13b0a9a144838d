import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseConfig } from "@millrace/storage";
import type { PlaceSetting } from "../place.ts";
import { runGit } from "./run-git.ts";

/**
 * Sets what git needs for the place of a git directory, which may be another since the last time; what is so already costs one look.
 * @throws MountError MOUNT_GIT_FAILED; STORAGE_CORRUPT where the file cannot be read; `signal.reason`
 */
export async function keepSettings(
  path: string,
  wanted: readonly PlaceSetting[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (wanted.length === 0) return;
  const file = join(path, "config");
  const there = new Map<string, string[]>();
  for (const { key, value } of parseConfig(await readFile(file, "utf8"))) {
    there.set(key, [...(there.get(key) ?? []), value]);
  }
  for (const { key, value } of wanted) {
    const now = there.get(key) ?? [];
    if (value === undefined ? now.length === 0 : now.length === 1 && now[0] === value) continue;
    const change = value === undefined ? ["--unset-all", key] : ["--replace-all", key, value];
    await runGit({ path, args: ["config", "--file", file, ...change], signal });
  }
}
