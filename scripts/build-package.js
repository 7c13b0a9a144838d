/**
 * Builds the package in the current folder: tsup emits JavaScript, tsc emits the declarations.
 * One script for every package, so that the two steps cannot drift apart.
 */
import { spawnSync } from "node:child_process";

for (const [command, ...args] of [
  ["tsup", "--silent"],
  ["tsc", "-p", "tsconfig.json"],
]) {
  const { status, error } = spawnSync(command, args, {
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
