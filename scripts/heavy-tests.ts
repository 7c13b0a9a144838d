/**
 * Files of tests that run once, on the first Node: they take long, and what they try is git, a store or a disk rather than anything
 * in which two versions of Node differ. A run with MILLRACE_LIGHT, which is the second, leaves them out and names them.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** By project, below its folder. */
const HEAVY: Readonly<Record<string, readonly string[]>> = {
  bench: ["test/bucket-smoke", "test/mount-smoke", "test/smoke"],
  fuse: ["test/mount/matrix"],
  "fs-mount": [
    "test/git/conversion",
    "test/overlay/power-loss",
    "test/overlay/reconcile",
    ...[
      "away",
      "beside-clone",
      "beside-native",
      "checkout-filters",
      "commands",
      "command-line",
      "damaged",
      "faults",
      "git-daily",
      "hanging-server",
      "killed-anywhere",
      "lfs",
      "matrix",
      "ordinary-user",
      "owners",
      "placeholder",
      "power-loss",
      "prepared",
      "prepared-daemon",
      "prepared-refused",
      "promised",
      "redirect",
      "redirect-crash",
      "redirect-git",
      "redirect-refused",
      "redirect-start",
      "repository",
      "soak",
      "status",
    ].map((name) => `test/mount/${name}`),
  ],
  pack: ["graph", "index-huge", "pack-bitmaps", "read-pack", "repack"].map((name) => `test/git/${name}`),
  "protocol-v2": ["test/git/clients", "test/git/legacy-upload-pack"],
  repository: ["test/git/filter"],
  scenarios: [
    "beside-git",
    "bombs",
    "browse",
    "commit-graphs",
    "doctor",
    "everyday",
    "graphs",
    "lazy-clone",
    "maintain",
    "maintain-bucket",
    "many-packs",
    "migrate",
    "mounts",
    "shallow-push",
    "tools-in-mount",
    "work-tree",
  ].map((name) => `test/${name}`),
  storage: ["test/git/ref-name", "test/git/reftable"],
  "storage-fs": ["test/git/shared"],
};

/** Whether this is the run on a second Node. */
const isLight = process.env.MILLRACE_LIGHT !== undefined;

/** The files of a project that this run leaves out; `folder` is the project's. Throws where one is not there. */
export function leftOut(name: string, folder: string): string[] {
  const files = (HEAVY[name] ?? []).map((file) => `${file}.test.ts`);
  for (const file of files) {
    if (!existsSync(join(folder, file))) throw new Error(`scripts/heavy-tests.ts names ${name}/${file}`);
  }
  return isLight ? files : [];
}

/** What a run is to say of them, a line each. */
export function tellLeftOut(): string[] {
  if (!isLight) return [];
  return Object.entries(HEAVY).flatMap(([name, files]) =>
    files.map((file) => `${name}: ${file}.test.ts: all of it: heavy: runs once, on the first Node`),
  );
}
