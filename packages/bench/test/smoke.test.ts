import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { benchCases } from "../src/cases/index.ts";

const CLI = fileURLToPath(new URL("../dist/cli.js", import.meta.url));

interface Line {
  readonly case: string;
  readonly contest: string;
  readonly subject: string;
  readonly figure: string;
  readonly median: number;
}

/** What was measured here is of no interest: only that everything was. */
describe("pnpm bench --quick", () => {
  let temporary: string;
  let lines: readonly Line[];
  let output: string;

  beforeAll(async () => {
    temporary = await mkdtemp(join(tmpdir(), "millrace-"));
    const args = [CLI, "--quick", "--generate", "objects=400"];
    ({ stdout: output } = await promisify(execFile)(process.execPath, args, {
      env: { ...process.env, TMPDIR: temporary },
      maxBuffer: 1 << 24,
    }));
    lines = output
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Line);
  }, 600_000);

  afterAll(async () => {
    await rm(temporary, { recursive: true });
  });

  it.each(benchCases.map(({ name }) => name))("measures %s by git and by Millrace", (name) => {
    const found = lines.filter((line) => line.case === name);
    const subjects = new Set(found.map(({ subject }) => subject.replace(/,.*/, "")));
    expect([...subjects].toSorted()).toEqual(["git", "millrace"]);
    expect(found.every(({ median }) => Number.isFinite(median) && median >= 0)).toBe(true);
  });

  it("shows every contest in its table", () => {
    for (const { case: name, contest } of lines) expect(output).toContain(`\n${name}, ${contest}\n`);
  });

  it("leaves nothing behind", async () => {
    expect(await readdir(temporary)).toEqual([]);
  });
});
