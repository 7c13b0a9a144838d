import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** What tests of mounts start beside git, and the Debian packages that have it. */
const PACKAGES = { fusermount3: "fuse3", fio: "fio", python3: "python3" };

/** Before tests of mounts: installs the programs that they want, where this may be done. Tests say loudly which one is missing. */
export function setup() {
  if (!existsSync("/dev/fuse") || process.geteuid?.() !== 0) return;
  const missing = Object.keys(PACKAGES).filter((program) => !isThere(program));
  const left = missing.filter((program) => !install(program));
  if (left.length > 0 && apt("update")) for (const program of left) install(program);
}

function isThere(program) {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

function install(program) {
  return apt("install", "-y", "--no-install-recommends", PACKAGES[program]);
}

function apt(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync("apt-get", args, { stdio: "ignore", timeout: 120_000, env }).status === 0;
}
