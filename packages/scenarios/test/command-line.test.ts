import { spawn, spawnSync } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serverCli } from "../src/server-cli.ts";
import { git, gitEnvironment, tryGit } from "../src/git.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { startServerProcess } from "../src/server-process.ts";
import { type WorkTree, openWorkTree } from "../src/work-tree.ts";

const UPLOAD_PACK = `'${process.execPath}' '${serverCli}' upload-pack`;
const RECEIVE_PACK = `'${process.execPath}' '${serverCli}' receive-pack`;

describe("millrace", () => {
  let scratch: Scratch;
  let local: WorkTree;
  let bare: string;

  beforeAll(async () => {
    scratch = await createScratch();
    local = await openWorkTree(join(scratch.path, "local"), {}, "sha1");
    for (let i = 0; i < 5; i++) await local.commit(`c${i}`, { "a.txt": `${i}\n` });
    bare = join(scratch.path, "bare.git");
    await git(["clone", "--quiet", "--bare", local.path, bare]);
  });

  afterAll(() => scratch[Symbol.asyncDispose]());

  describe("upload-pack and receive-pack", () => {
    it("serve git clone --no-local -u, wants and all", async () => {
      const copy = join(scratch.path, "by-u");
      const trace = join(scratch.path, "trace");
      await git(["clone", "--quiet", "--no-local", "-u", UPLOAD_PACK, bare, copy], {
        env: { GIT_TRACE_PACKET: trace },
      });
      expect(await readFile(trace, "utf8")).toMatch(/clone> want [0-9a-f]{40}/);
      expect(await readFile(trace, "utf8")).toMatch(/clone< agent=millrace\//);
      expect(await git(["rev-parse", "HEAD"], { cwd: copy })).toBe(await local.git("rev-parse", "HEAD"));
    });

    it("serve a repository with a working tree by its folder, and refuse a push to its checked-out branch", async () => {
      const copy = join(scratch.path, "by-tree");
      await git(["clone", "--quiet", "--no-local", "-u", UPLOAD_PACK, local.path, copy]);
      const tree = await openWorkTree(copy);
      await tree.commit("change", { "b.txt": "b\n" });
      const refused = await tree.tryGit("push", `--receive-pack=${RECEIVE_PACK}`, "origin", "main");
      expect(refused.stderr).toContain("! [remote rejected] main -> main (branch is currently checked out)");
      await tree.git(
        "push",
        "--quiet",
        `--receive-pack=${RECEIVE_PACK}`,
        "origin",
        "main:refs/heads/offered",
      );
      expect(await local.git("rev-parse", "offered")).toBe(await tree.git("rev-parse", "main"));
    });

    it("refuse a push to a branch that a linked worktree has checked out", async () => {
      await local.git("worktree", "add", "--quiet", "-b", "linked", join(scratch.path, "linked"));
      const args = [
        "push",
        `--receive-pack=${RECEIVE_PACK}`,
        local.path,
        "HEAD~1:refs/heads/linked",
        "--force",
      ];
      const refused = await local.tryGit(...args);
      expect(refused.stderr).toContain("(branch is currently checked out)");
      await local.git("config", "receive.denyCurrentBranch", "warn");
      await local.git(...args);
      await local.git("config", "--unset", "receive.denyCurrentBranch");
    });

    it("end with 128 and git's words where there is no repository", async () => {
      const { status, stderr } = spawnSync(process.execPath, [serverCli, "upload-pack", scratch.path], {
        encoding: "utf8",
      });
      expect(status).toBe(128);
      expect(stderr).toBe(`fatal: '${scratch.path}' does not appear to be a git repository\n`);
    });

    it("look no further than the folder itself with --strict", () => {
      const run = (path: string): string => {
        const args = [serverCli, "upload-pack", "--strict", "--advertise-refs", path];
        const { stdout, stderr } = spawnSync(process.execPath, args, {
          encoding: "utf8",
          env: { GIT_PROTOCOL: "version=2" },
        });
        return stdout + stderr;
      };
      expect(run(local.path)).toMatch(/does not appear to be a git repository/);
      expect(run(join(local.path, ".git"))).toMatch(/^000eversion 2\n/);
    });

    it("leave with 0 when the client says goodbye at once", async () => {
      const child = spawn(process.execPath, [serverCli, "receive-pack", bare], {
        env: gitEnvironment,
        stdio: ["pipe", "ignore", "inherit"],
      });
      child.stdin.write("0000");
      expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(0);
    });
  });

  describe("serve", () => {
    it("tells where the data lies and what to try first, and what it tells works", async () => {
      const root = join(scratch.path, "served");
      const server = await startServerProcess(root);
      try {
        const told = server.output.join("\n");
        expect(told).toContain(root);
        const command = /git (push .*)$/m.exec(told)?.[1]?.split(" ") ?? [];
        await local.git(...command);
        expect(await readdir(root)).toEqual(["name.git"]);
        expect(await git(["symbolic-ref", "HEAD"], { cwd: join(root, "name.git") })).toBe("refs/heads/main");
        await local.git("push", "--quiet", `${server.url}/second.git`, "main:refs/heads/odd-one");
        expect(await git(["symbolic-ref", "HEAD"], { cwd: join(root, "second.git") })).toBe(
          "refs/heads/odd-one",
        );
        const copy = join(scratch.path, "second");
        await git(["clone", "--quiet", `${server.url}/second`, copy]);
        expect(await git(["symbolic-ref", "HEAD"], { cwd: copy })).toBe("refs/heads/odd-one");
      } finally {
        expect(await server.stop()).toBe(0);
      }
    });

    it("serves any repository of the machine by its absolute path with --root /, and creates none", async () => {
      const server = await startServerProcess("/");
      try {
        const listed = await git(["ls-remote", `${server.url}${bare}`]);
        expect(listed).toContain("refs/heads/main");
        const refused = await local.tryGit("push", `${server.url}${scratch.path}/fresh.git`, "main");
        expect(refused.status).toBe(128);
        expect(refused.stderr).toContain("not found");
        await local.git("push", "--quiet", `${server.url}${bare}`, "main:refs/heads/by-path");
        expect(await git(["rev-parse", "by-path"], { cwd: bare })).toBe(await local.git("rev-parse", "main"));
      } finally {
        await server.stop();
      }
    });

    it("takes pushes from this machine only, unless told otherwise", async () => {
      const server = await startServerProcess(join(scratch.path, "guarded"));
      try {
        const forwarded = await local.tryGit(
          "-c",
          "http.extraHeader=X-Forwarded-For: 203.0.113.9",
          "push",
          `${server.url}/x.git`,
          "main",
        );
        expect(forwarded.stderr).toContain("403");
        const foreignHost = await local.tryGit(
          "-c",
          "http.extraHeader=Host: git.example.com",
          "push",
          `${server.url}/x.git`,
          "main",
        );
        expect(foreignHost.stderr).toContain("403");
        await local.git("push", "--quiet", `${server.url}/x.git`, "main");
        await local.git(
          "-c",
          "http.extraHeader=X-Forwarded-For: 203.0.113.9",
          "ls-remote",
          `${server.url}/x.git`,
        );
      } finally {
        await server.stop();
      }
      const open = await startServerProcess(join(scratch.path, "open"), "--anonymous-push", "anyone");
      try {
        await local.git(
          "-c",
          "http.extraHeader=X-Forwarded-For: 203.0.113.9",
          "push",
          "--quiet",
          `${open.url}/x.git`,
          "main",
        );
      } finally {
        await open.stop();
      }
    });

    it("lets a request under way finish when it is told to stop", async () => {
      const server = await startServerProcess(join(scratch.path, "drained"));
      await local.git("push", "--quiet", `${server.url}/x.git`, "main");
      const cloning = tryGit([
        "clone",
        "--quiet",
        "--bare",
        `${server.url}/x.git`,
        join(scratch.path, "drained-copy"),
      ]);
      const [status] = await Promise.all([server.stop(), cloning]);
      expect(status).toBe(0);
    });
  });
});
