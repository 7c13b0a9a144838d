import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Endpoint, defaultEndpoint } from "../src/endpoints.ts";
import { serverCli } from "../src/server-cli.ts";
import { git, gitEnvironment, tryGit } from "../src/git.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { startServerProcess } from "../src/server-process.ts";
import { type WorkTree, openWorkTree } from "../src/work-tree.ts";

interface Told {
  readonly status: number | null;
  readonly text: string;
}

/** Runs `millrace maintain` as a process of its own. */
function millraceMaintain(...args: readonly string[]): Promise<Told> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [serverCli, "maintain", "--no-cache-dir", "--threads", "2", ...args],
      {
        env: { ...gitEnvironment },
      },
    );
    let text = "";
    const take = (chunk: Buffer): void => void (text += chunk.toString());
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, text }));
  });
}

async function packBytes(directory: string): Promise<number[]> {
  const folder = join(directory, "objects/pack");
  const packs = (await readdir(folder)).filter((name) => name.endsWith(".pack"));
  return Promise.all(packs.map(async (name) => (await stat(join(folder, name))).size));
}

async function expectSound(directory: string): Promise<void> {
  const { status, stdout, stderr } = await tryGit(["fsck", "--strict", "--full", "--no-dangling"], {
    cwd: directory,
  });
  expect({ status, stdout, stderr: stderr.replace(/^notice:.*\n|^Checking.*\n/gm, "") }).toEqual({
    status: 0,
    stdout: "",
    stderr: "",
  });
}

const lines = Array.from({ length: 200 }, (_, i) => `line ${i} of a file that changes a little at a time`);

/** A file's content as of its `version`. */
function textOf(file: number, version: number): string {
  return lines.map((line, i) => (i % 40 === version % 40 ? `${file}: ${version}` : line)).join("\n");
}

describe("millrace maintain", () => {
  let endpoint: Endpoint;
  let scratch: Scratch;
  let local: WorkTree;
  let root: string;
  let directory: string;
  const name = "busy.git";

  beforeAll(async () => {
    endpoint = await defaultEndpoint.open();
    scratch = await createScratch();
    local = await openWorkTree(join(scratch.path, "local"), endpoint.env, "sha1");
    for (let i = 0; i < 12; i++) {
      await local.commit(`commit ${i}`, { [`f${i % 5}.txt`]: textOf(i % 5, i) });
      await local.git("push", "--quiet", endpoint.url(name), "main");
    }
    directory = endpoint.directory?.(name) as string;
    root = join(directory, "..");
  });

  afterAll(async () => {
    await endpoint[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  it("tells what it would do, does it, and has nothing to do then", async () => {
    const before = await packBytes(directory);
    expect(before.length).toBe(12);
    expect(await millraceMaintain("--root", root, "--dry-run")).toEqual({
      status: 0,
      text: expect.stringMatching(/^busy\.git: would do a full of 12 packs and 0 loose objects\n$/),
    });
    expect(await packBytes(directory)).toEqual(before);
    const done = await millraceMaintain("--root", root, "--repository", name);
    expect(done).toEqual({ status: 0, text: expect.stringContaining("; 12 packs removed") });
    expect(await packBytes(directory)).toHaveLength(1);
    await expectSound(directory);
    expect(await millraceMaintain("--root", root)).toEqual({ status: 0, text: "busy.git: nothing to do\n" });
    expect(await readdir(directory)).not.toContain("gc.pid");
  });

  it("loses nothing while pushes, clones and git's own commits go on, and git repacks", async () => {
    let isOver = false;
    const done: { loops: number; clones: number; pushes: number; own: number } = {
      loops: 0,
      clones: 0,
      pushes: 0,
      own: 0,
    };
    const expected = new Map<string, string>();
    // One that fails ends all of them, and the test with what it failed of.
    const until = async (work: () => Promise<void>): Promise<void> => {
      try {
        while (!isOver) await work();
      } finally {
        isOver = true;
      }
    };
    const maintainer = until(async () => {
      const { status, text } = await millraceMaintain(
        "--root",
        root,
        ...(done.loops % 3 === 2 ? ["--full"] : []),
      );
      // git gc may be at it.
      if (status !== 0) expect(text).toContain("garbage is being collected");
      done.loops++;
    });
    const cloner = until(async () => {
      const path = join(scratch.path, `clone-${done.clones}`);
      await git(["clone", "--quiet", "--mirror", endpoint.url(name), path]);
      await expectSound(path);
      done.clones++;
    });
    const committer = until(async () => {
      const ref = `refs/heads/own-${done.own % 4}`;
      const parent = expected.get(ref) ?? (await git(["rev-parse", "main"], { cwd: directory }));
      const blob = await git(["hash-object", "-w", "--stdin"], {
        cwd: directory,
        input: textOf(9, done.own),
      });
      const tree = await git(["mktree"], { cwd: directory, input: `100644 blob ${blob}\town.txt\n` });
      const oid = await git(["commit-tree", tree, "-p", parent, "-m", `own ${done.own}`], { cwd: directory });
      await git(["update-ref", ref, oid], { cwd: directory });
      expected.set(ref, oid);
      if (done.own % 10 === 9) await git(["repack", "-adq"], { cwd: directory });
      done.own++;
    });
    const pusher = (async () => {
      for (let i = 0; i < 25 && !isOver; i++) {
        await local.commit(`push ${i}`, { [`f${i % 5}.txt`]: textOf(i % 5, 100 + i) });
        const branch = `pushed-${i % 6}`;
        await local.git(
          "push",
          "--quiet",
          endpoint.url(name),
          `+HEAD:refs/heads/${branch}`,
          "HEAD:refs/heads/main",
        );
        expected.set(`refs/heads/${branch}`, await local.git("rev-parse", "HEAD"));
        expected.set("refs/heads/main", expected.get(`refs/heads/${branch}`)!);
        done.pushes++;
      }
      while (!isOver && (done.loops < 6 || done.clones < 4))
        await new Promise((resolve) => setTimeout(resolve, 50));
    })();
    try {
      await pusher;
    } finally {
      isOver = true;
      await Promise.all([maintainer, cloner, committer]);
    }
    const refs = await git(["for-each-ref", "--format=%(refname) %(objectname)"], { cwd: directory });
    expect(refs.split("\n")).toEqual([...expected].map(([ref, oid]) => `${ref} ${oid}`).sort());
    await expectSound(directory);
  });

  it("ends in one pack that is about as small as git's", async () => {
    const told = await millraceMaintain("--root", root, "--full");
    expect(told).toMatchObject({ status: 0 });
    const ours = await packBytes(directory);
    expect(ours.length).toBeLessThanOrEqual(2);
    await expectSound(directory);
    const copy = join(scratch.path, "gits.git");
    await git(["clone", "--quiet", "--mirror", `file://${directory}`, copy]);
    await git(["repack", "-adfq", "--window=10", "--depth=50"], { cwd: copy });
    const [gits] = await packBytes(copy);
    expect(Math.max(...ours)).toBeLessThan(gits! * 1.1);
    const list = ["rev-list", "--objects", "--all", "--no-object-names"];
    expect((await git(list, { cwd: directory })).split("\n").sort()).toEqual(
      (await git(list, { cwd: copy })).split("\n").sort(),
    );
  });

  it("keeps what nobody reaches in a pack that git takes for cruft, and drops it after the grace time", async () => {
    await local.commit("to be forgotten", { "gone.txt": "nobody will need this\n" });
    await local.git("push", "--quiet", endpoint.url(name), "HEAD:refs/heads/gone");
    const oid = await local.git("rev-parse", "HEAD");
    await local.git("push", "--quiet", endpoint.url(name), ":refs/heads/gone");
    expect((await millraceMaintain("--root", root, "--full")).text).toContain("that nobody reaches kept");
    const files = await readdir(join(directory, "objects/pack"));
    expect(files.filter((file) => file.endsWith(".mtimes"))).toHaveLength(1);
    expect(await git(["cat-file", "-t", oid], { cwd: directory })).toBe("commit");
    // git reads the times: what is not old enough stays.
    await git(["repack", "--cruft", "--cruft-expiration=1.hour.ago", "-dq"], { cwd: directory });
    expect(await git(["cat-file", "-t", oid], { cwd: directory })).toBe("commit");
    await expectSound(directory);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect((await millraceMaintain("--root", root, "--full", "--grace", "0")).text).toContain("dropped");
    expect((await tryGit(["cat-file", "-t", oid], { cwd: directory })).status).toBe(128);
    await expectSound(directory);
  });

  it("tells of a repository that cannot be tidied up, and goes on with the others", async () => {
    await mkdir(join(root, "other.git"), { recursive: true });
    await git(["init", "--quiet", "--bare", join(root, "other.git")]);
    await writeFile(join(root, "other.git/gc.pid"), "1 another.example.org");
    const told = await millraceMaintain("--root", root);
    expect(told).toEqual({
      status: 1,
      text: expect.stringMatching(
        /^busy\.git: .*\nerror: other\.git: garbage is being collected by process 1 on another\.example\.org\n$/,
      ),
    });
    expect((await millraceMaintain("--root", root, "--repository", "absent.git")).status).toBe(1);
    expect(await millraceMaintain("--root", root, "--auto", "--repository", "other.git")).toEqual({
      status: 0,
      text: "",
    });
  });

  it("leaves repositories alone by --auto that say so, as git gc does", async () => {
    await git(["config", "gc.auto", "0"], { cwd: directory });
    const asked = ["--root", root, "--repository", name, "--full"];
    expect(await millraceMaintain(...asked, "--auto")).toEqual({ status: 0, text: "" });
    expect((await millraceMaintain(...asked)).text).toContain("busy.git: full of");
    expect((await millraceMaintain()).text).toContain("say --root or --store");
  });

  it("is done by serve after so many pushes, and ended with it", async () => {
    const folder = join(scratch.path, "served");
    const server = await startServerProcess(folder, "--maintain-after", "3");
    for (let i = 0; i < 3; i++) {
      await local.commit(`served ${i}`, { "f1.txt": textOf(1, 100 + i) });
      await local.git("push", "--quiet", `${server.url}/s.git`, "main");
    }
    // Small pushes are loose objects before.
    const isTidy = async (): Promise<boolean> =>
      /^count: 0$/m.test(await git(["count-objects", "-v"], { cwd: join(folder, "s.git") }));
    while (!(await isTidy())) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await server.stop()).toBe(0);
    await expectSound(join(folder, "s.git"));
    expect(await readdir(join(folder, "s.git"))).not.toContain("gc.pid");
  });
});
