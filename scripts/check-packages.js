/**
 * Packs every public package as npm would and holds the tarball against publint and arethetypeswrong.
 * Also asks that each has a README, and that no bundle holds another project's code.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
      run(folder, "publint", "run", tarball, "--strict");
      run(folder, "attw", tarball, "--profile", "esm-only");
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

for (const failure of failures) console.error(failure);
process.exitCode = failures.length === 0 ? 0 : 1;
