import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Cone } from "./cone.ts";

/** Beside `extensions.worktreeConfig`, without which git does not look there (git-worktree, "CONFIGURATION FILE"). */
const SETTINGS = "[core]\n\tsparseCheckout = true\n\tsparseCheckoutCone = true\n";

/** Tells a git directory which files its working tree has, as `git sparse-checkout set` does. Throws errors of `node:fs`. */
export async function writeSparseCheckout(gitDirectory: string, cone: Cone): Promise<void> {
  await mkdir(join(gitDirectory, "info"), { recursive: true });
  await writeFile(join(gitDirectory, "info", "sparse-checkout"), cone.patterns);
  await writeFile(join(gitDirectory, "config.worktree"), SETTINGS);
}
