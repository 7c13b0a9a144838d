import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const CLI = fileURLToPath(new URL("../dist/client.js", import.meta.url));

it("measures walks, searches and packs with --quick, and leaves nothing behind", async () => {
  const temporary = await mkdtemp(join(tmpdir(), "millrace-"));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [CLI, "--quick"], {
    env: { ...process.env, TMPDIR: temporary },
  });
  const rows = stdout
    .split("\n")
    .filter(Boolean)
    .map(
      (line) =>
        JSON.parse(line) as { readonly case: string; readonly subject: string; readonly median: number },
    );
  expect(rows.map(({ subject }) => subject)).toContain("git");
  expect(rows.length).toBeGreaterThan(7);
  for (const { case: name, median } of rows) {
    expect(median).toBeGreaterThan(0);
    expect(stderr).toContain(`| ${name} |`);
  }
  expect(await readdir(temporary)).toEqual([]);
  await rm(temporary, { recursive: true });
});
