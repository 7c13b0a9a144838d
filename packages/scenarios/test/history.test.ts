import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { git, tryGit } from "../src/git.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { type ServerProcess, startServerProcess } from "../src/server-process.ts";

const MIB = 1024 * 1024;
/** What a whole server may take, whatever is pushed. */
const MAX_SERVER_BYTES = 256_000_000;
const COMMITS = 3000;

/** A history for `git fast-import`: two files of one of sixty folders change with each commit. */
function* longHistory(): Generator<string> {
  for (let i = 0; i < COMMITS; i++) {
    const folder = `d${i % 6}/e${i % 10}`;
    yield `commit refs/heads/main\nmark :${i + 1}\ncommitter C <c@example.com> ${1_600_000_000 + i * 60} +0000\ndata 2\nc\n\n`;
    if (i > 0) yield `from :${i}\n`;
    for (const name of [`f${i % 7}`, `g${i % 11}`]) {
      const content = `${name} ${i}\n`.repeat(20 + (i % 60));
      yield `M 100644 inline ${folder}/${name}\ndata ${content.length}\n${content}\n`;
    }
  }
  yield "done\n";
}

/** A whole history in one push and back; MILLRACE_HISTORY names a repository or bundle to take in place of the own one. */
describe("a long history", () => {
  let scratch: Scratch;
  let server: ServerProcess;
  let source: string;

  beforeAll(async () => {
    scratch = await createScratch();
    source = join(scratch.path, "source.git");
    const given = process.env.MILLRACE_HISTORY;
    if (given === undefined) {
      await git(["init", "--bare", "--quiet", source]);
      await git(["fast-import", "--quiet"], { cwd: source, input: [...longHistory()].join("") });
    } else {
      await git(["clone", "--quiet", "--mirror", given, source]);
    }
    const root = join(scratch.path, "repositories");
    await mkdir(root);
    server = await startServerProcess(root);
  }, 600_000);

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  it("goes in with one push and comes back whole", { timeout: 300_000 }, async () => {
    const url = `${server.url}/history.git`;
    await git(["push", "--quiet", "--mirror", url], { cwd: source });
    const copy = join(scratch.path, "copy.git");
    await git(["clone", "--quiet", "--mirror", url, copy]);
    const listed = async (cwd: string): Promise<string[]> =>
      (await git(["rev-list", "--objects", "--all"], { cwd })).split("\n").toSorted();
    const [sent, returned] = [await listed(source), await listed(copy)];
    expect(returned.length).toBe(sent.length);
    expect(returned).toEqual(sent);
    expect((await tryGit(["fsck"], { cwd: copy })).status).toBe(0);
    const peak = await server.peakMemoryBytes();
    console.log(`${sent.length} objects there and back, server RSS at most ${Math.round(peak / MIB)} MiB`);
    expect(peak).toBeLessThan(MAX_SERVER_BYTES);
  });
});
