import { git } from "../process/git.ts";

/** Makes an empty bare repository, with configuration if there is some to be. */
export async function initBare(path: string, config: Readonly<Record<string, string>> = {}): Promise<void> {
  await git("/", ["init", "--bare", "--quiet", "--initial-branch=main", path]);
  for (const [key, value] of Object.entries(config)) await git(path, ["config", key, value]);
}
