import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const CLI = fileURLToPath(new URL("../dist/mount.js", import.meta.url));

it("measures mounts beside clones with --quick, and leaves nothing behind", async (context) => {
  if (!existsSync("/dev/fuse") || process.geteuid?.() !== 0) context.skip("nothing can be mounted here");
  const temporary = await mkdtemp(join(tmpdir(), "millrace-"));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [CLI, "--quick"], {
    env: { ...process.env, TMPDIR: temporary },
  });
  const rows = stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { readonly case: string; readonly subject: string });
  for (const subject of ["mount", "clone", "clone, blob:none"]) {
    const cases = rows.filter((row) => row.subject === subject).map((row) => row.case);
    expect(cases).toContain("first ls, from nothing");
    expect(cases).toContain("git status, warm");
  }
  for (const { case: name } of rows) expect(stderr).toContain(`| ${name} |`);
  expect(await readdir(temporary)).toEqual([]);
  await rm(temporary, { recursive: true });
});

it("measures mounts of many files with --scale --quick, and leaves nothing behind", async (context) => {
  if (!existsSync("/dev/fuse") || process.geteuid?.() !== 0) context.skip("nothing can be mounted here");
  const temporary = await mkdtemp(join(tmpdir(), "millrace-"));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [CLI, "--scale", "--quick"], {
    env: { ...process.env, TMPDIR: temporary },
  });
  const rows = stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { readonly name: string; readonly ratio: number });
  for (const name of [
    "ls -l of a large directory",
    "find",
    "git status",
    "untar",
    "rm -rf",
    "small writes",
  ]) {
    expect(rows.find((row) => row.name === name)?.ratio).toBeGreaterThan(0);
    expect(stderr).toContain(`| ${name} |`);
  }
  expect(await readdir(temporary)).toEqual([]);
  await rm(temporary, { recursive: true });
});
