import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** For test runs: installs the program by which ordinary users mount, where this may be done. Tests that want it say loudly that it is missing. */
export function setup() {
  const isThere = spawnSync("sh", ["-c", "command -v fusermount3"]).status === 0;
  if (isThere || !existsSync("/dev/fuse") || process.geteuid?.() !== 0) return;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args) =>
    spawnSync("apt-get", args, { stdio: "ignore", timeout: 120_000, env }).status === 0;
  const install = () => apt("install", "-y", "--no-install-recommends", "fuse3");
  if (!install() && apt("update")) install();
}
