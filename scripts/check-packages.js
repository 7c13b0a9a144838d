/**
 * Packs every public package as npm would and holds the tarball against publint and arethetypeswrong.
 * Also asks that each has a README and what it opens at run time, and that no bundle holds another project's code.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What packages open by a path beside their modules, so that no importer would notice its absence. */
const opened = {
  pack: ["dist/kernel.wasm", "dist/pack-worker.js"],
  fuse: ["dist/serve-worker.js", "dist/notify-worker.js", "dist/read-worker.js", "dist/memory/index.js"],
  "fs-mount": ["dist/fuse-worker.js"],
};

const scratch = mkdtempSync(join(tmpdir(), "millrace-packages-"));
const failures = [];

/** Runs a command in a folder and keeps its output for the report. */
function run(cwd, command, ...args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) failures.push(`${cwd}: ${command} ${args.join(" ")}\n${error ?? ""}${stdout}${stderr}`);
  return stdout;
}

try {
  for (const top of ["packages", "apps"]) {
    for (const name of readdirSync(top)) {
      const folder = join(top, name);
      const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      if (manifest.private) continue;
      if (!existsSync(join(folder, "README.md"))) failures.push(`${folder}: no README.md`);
      const bundles = readdirSync(join(folder, "dist")).filter((file) => file.endsWith(".js"));
      for (const file of bundles) {
        const [, taken] =
          readFileSync(join(folder, "dist", file), "utf8").match(/^\/\/ .*node_modules\/(.*)$/m) ?? [];
        if (taken)
          failures.push(`${folder}: dist/${file} holds ${taken}, which is to be installed beside it`);
      }
      run(folder, "pnpm", "pack", "--pack-destination", scratch);
      const tarball = join(scratch, `millrace-${name}-${manifest.version}.tgz`);
      const packed = new Set(run(folder, "tar", "-tzf", tarball).split("\n"));
      for (const file of opened[name] ?? []) {
        if (!packed.has(`package/${file}`)) failures.push(`${folder}: ${file} is not in the tarball`);
      }
      run(folder, "publint", "run", tarball, "--strict");
      run(folder, "attw", tarball, "--profile", "esm-only");
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

for (const failure of failures) console.error(failure);
process.exitCode = failures.length === 0 ? 0 : 1;
