import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gitEnvironment } from "@millrace/scenarios/git";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../src/lab.ts";
import { git } from "../src/process/git.ts";
import { createHaver } from "../src/repositories/haver.ts";

describe("a client that judges answers", () => {
  let scratch: string;
  let lab: Lab;
  let path: string;
  let tip: string;
  let old: string;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "millrace-"));
    path = join(scratch, "source.git");
    await git(scratch, ["init", "--quiet", "--bare", path]);
    const commits = [1, 2, 3, 4, 5].map((n) => {
      const text = Array.from({ length: 200 + n }, (_, line) => `line ${line}\n`).join("");
      const start = `commit refs/heads/main\ncommitter C <c@example.com> ${n} +0000\ndata 1\nc\n`;
      return `${start}M 100644 inline f\ndata ${text.length}\n${text}\nM 100644 inline g${n}\ndata 1\n${n}\n`;
    });
    const history = join(scratch, "history");
    await writeFile(history, commits.join(""));
    await git(path, ["fast-import", "--quiet"], { stdin: history });
    [tip, old] = [await git(path, ["rev-parse", "main"]), await git(path, ["rev-parse", "main~2"])];
    const repository = { path } as Lab["repository"];
    lab = createLab({ scratch, repository, quick: true });
  });
  afterAll(() => rm(scratch, { recursive: true }));

  /** A pack of what is behind some revisions. */
  function packOf(revisions: string, ...flags: string[]): Uint8Array {
    const args = ["pack-objects", "--revs", "--stdout", "-q", ...flags];
    return execFileSync("git", args, { cwd: path, env: gitEnvironment, input: revisions });
  }

  it("takes thin packs and whole ones, and nothing that leaves something out", async () => {
    const haver = await createHaver(lab, [old]);
    await haver.take(packOf(`${tip}\n^${old}\n`, "--thin"), [tip]);
    await haver.take(packOf(`${tip}\n`), [tip]);
    await expect(haver.take(packOf(`${tip}\n^${tip}~1\n`), [tip])).rejects.toThrow();
    await expect(haver.take(packOf(`${tip}~1\n`), [tip])).rejects.toThrow();
    await expect(haver.take(packOf(`${tip}\n^${old}\n`, "--filter=blob:none"), [tip])).rejects.toThrow();
    const folders = await readdir(scratch);
    await haver.remove();
    expect((await readdir(scratch)).length).toBe(folders.length - 1);
  });
});
