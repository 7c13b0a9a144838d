import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import { leftOut } from "./scripts/heavy-tests.ts";
import { builtThreads, isBuilt, SOURCE, sourceAliases } from "./scripts/sources.ts";

/** Every package and app is a project of its own; sources are resolved across packages, so no build is needed, but one makes it quicker. */
const top = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
/** Projects whose tests may ask for a real S3 server; it starts when the first one does. */
const usingS3 = new Set(["s3-lab", "storage-s3", "scenarios", "bench"]);
/** Projects whose tests mount, and hold a file system against the one that temporary folders are on, which must be one on a disk. */
const usingDisk = new Set(["fuse", "fs-mount"]);
const projects = [top("packages"), top("apps")].flatMap((folder) =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => ({
      extends: true as const,
      test: {
        name: entry.name,
        globalSetup: [
          fileURLToPath(new URL("packages/pack/scripts/kernel-setup.js", import.meta.url)),
          ...(usingDisk.has(entry.name) ? [top("scripts/install-test-programs.js")] : []),
          ...(usingS3.has(entry.name) ? [top("packages/s3-lab/src/vitest-setup.ts")] : []),
        ],
        setupFiles: [
          top("scripts/test-setup.js"),
          ...(usingDisk.has(entry.name) ? [] : [top("scripts/scratch-in-memory.js")]),
        ],
        root: `${folder}/${entry.name}`,
        include: ["src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
        exclude: [...configDefaults.exclude, ...leftOut(entry.name, `${folder}/${entry.name}`)],
      },
    })),
);

/** Threads find other packages by these. */
const conditions = [...(isBuilt ? [] : [SOURCE]), "node", "development|production"];

export default defineConfig({
  plugins: [builtThreads],
  resolve: { conditions, alias: sourceAliases() },
  ssr: { resolve: { conditions } },
  test: {
    projects,
    environment: "node",
    // Tests wait for git and servers as often as they compute.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    // Threads run from the sources, too, where they are not built.
    execArgv: ["--import", top(`scripts/${isBuilt ? "typescript-given" : "typescript-threads"}.js`)],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: ["default", "./scripts/test-reporter.js"],
  },
});
