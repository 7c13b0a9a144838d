import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { DaemonLab } from "../support/daemon-lab.ts";
import { GitHttp } from "../support/git-http.ts";
import { type MountedRepository, run, useLab, whyNot } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();
let origin: string;
let server: GitHttp;
let mount: MountedRepository;

beforeAll(async () => {
  if (whyNot() !== undefined) return;
  origin = lab.keep(makeRepository());
  for (const key of ["transfer.advertiseObjectInfo", "http.receivepack"])
    git(origin, ["config", key, "true"]);
  git(origin, ["config", "receive.denyCurrentBranch", "ignore"]);
  // Each in a folder of its own: nothing is fetched behind another one.
  for (const name of ["noise", "static"]) {
    mkdirSync(join(origin, name));
    writeFileSync(join(origin, name, "file"), randomBytes(2 << 20));
  }
  git(origin, ["add", "."]);
  git(origin, ["commit", "-q", "-m", "what does not compress"]);
  server = new GitHttp(dirname(origin));
  await server.start();
  mount = await lab.mountRepository(server.url(basename(origin)));
});
afterAll(async () => await server?.[Symbol.asyncDispose]());

const sh = (script: string): Promise<string> => run("sh", ["-ec", script], { cwd: mount.directory });
const theirs = (path: string): string => `${git(origin, ["show", `main:${path}`])}\n`;

test("one file that many read at once, and links to it, come once", async () => {
  const before = mount.mounted.counts.fetched;
  const path = "src/part-0/file-0.c";
  const script = `for i in $(seq 12); do cat ${path} & cat link & done; wait`;
  expect(await sh(script)).toBe(theirs(path).repeat(24));
  // What its directory has is fetched behind it.
  await expect.poll(() => mount.mounted.counts.fetched).toBeGreaterThan(before);
  expect(
    server.fetches.filter((body) => body.includes(git(origin, ["rev-parse", `main:${path}`]))),
  ).toHaveLength(1);
});

test("a line that is cut in the middle of a file leaves no half of it", async () => {
  server.cutsAfterBytes = 1 << 20;
  await expect(sh("sha1sum static/file")).rejects.toThrow("Input/output error");
  server.cutsAfterBytes = undefined;
  expect(await sh("git hash-object static/file")).toBe(`${git(origin, ["rev-parse", "main:static/file"])}\n`);
  await sh("git fsck --connectivity-only --no-dangling");
});

test("while the server is gone what is here goes on, also what needs no content; the rest is EIO, and comes when it is back", async () => {
  await sh("cat README.md; ls -lR > /dev/null");
  await server.kill();
  expect(await sh("cat README.md; git log --oneline | wc -l; git ls-files | wc -l")).toBe(
    "version 3\n5\n24\n",
  );
  // Folders and files move, get modes, are cut and go without their contents.
  await sh(`
    mv src/part-1 src/moved; mv src/part-2/file-8.c .; chmod +x src/part-2/file-2.c; rm src/part-2/file-5.c
    : > src/part-2/file-11.c; echo new > new; git add new`);
  const changes = ["1", "10", "4", "7"].map((n) => ` D src/part-1/file-${n}.c\n`).join("");
  expect(await sh("git status --porcelain")).toBe(
    `A  new\n${changes} M src/part-2/file-11.c\n M src/part-2/file-2.c\n D src/part-2/file-5.c\n` +
      " D src/part-2/file-8.c\n?? file-8.c\n?? src/moved/\n",
  );
  const refused = async (script: string, words: RegExp): Promise<void> =>
    await expect(sh(script)).rejects.toThrow(words);
  await refused("cat src/moved/file-1.c", /Input\/output error/);
  await refused("cat file-8.c", /Input\/output error/);
  await refused("printf x | dd of=noise/file bs=1 seek=7 conv=notrunc status=none", /Input\/output error/);
  await refused("git push -q origin HEAD:refs/heads/theirs", /onnect/);
  await refused("grep -r return src", /Input\/output error/);
  await sh("git commit -q -m away");
  expect(mount.faults[0]).toMatchObject({ code: "PROTOCOL_UNREACHABLE" });
  await server.start();
  expect(await sh("cat src/moved/file-1.c file-8.c")).toBe(
    theirs("src/part-1/file-1.c") + theirs("src/part-2/file-8.c"),
  );
  expect(await sh("grep -rl return src | wc -l")).toBe("9\n");
  expect(await sh("git hash-object noise/file")).toBe(`${git(origin, ["rev-parse", "main:noise/file"])}\n`);
  await sh("git push -q origin HEAD:refs/heads/theirs; git add -A; git commit -q -m moved");
  expect(git(origin, ["log", "--format=%s", "-1", "theirs"])).toBe("away");
  expect(await sh("git show --format= --name-status -M HEAD | grep -c R100; git status --porcelain")).toBe(
    "5\n",
  );
});

test("what is open stays readable when the cache and the git directory let it go", async () => {
  const daemon = new DaemonLab(lab);
  onTestFinished(async () => await daemon.end());
  await daemon.start();
  const cwd = await daemon.mount("one", server.url(basename(origin)));
  const [isOpen, go] = [join(lab.folder(), "open"), join(lab.folder(), "go")];
  const script = `
    sha1sum noise/file > /dev/null; exec 3< noise/file; head -c 10 <&3; : > ${isOpen}; for i in $(seq 600); do [ -e ${go} ] && break; sleep 0.1; done; cat <&3`;
  const reading = run("sh", ["-ec", `(${script}) | git hash-object --stdin`], { cwd });
  await run("sh", ["-c", `for i in $(seq 600); do [ -e ${isOpen} ] && break; sleep 0.1; done`]);
  using client = await daemon.connect();
  const { cache } = await client.ask({ command: "evict", keepBytes: 0 });
  expect(cache.count).toBeGreaterThan(0);
  expect(await run("find", [daemon.cache, "-size", "+1M"])).toBe("");
  await server.kill();
  writeFileSync(go, "");
  expect(await reading).toBe(`${git(origin, ["rev-parse", "main:noise/file"])}\n`);
  await server.start();
});

test("a server that wants a password gets the one that git's credential helper has, and nobody else does", async () => {
  const secret = "correct-horse";
  server.authorization = `Basic ${Buffer.from(`me:${secret}`).toString("base64")}`;
  const daemon = new DaemonLab(lab);
  onTestFinished(async () => {
    server.authorization = undefined;
    await daemon.end();
  });
  const helper = join(lab.folder(), "helper");
  writeFileSync(
    helper,
    `#!/bin/sh\n[ "$1" = get ] && printf 'username=me\\npassword=${secret}\\n'\nexit 0\n`,
    { mode: 0o755 },
  );
  const env = { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "credential.helper", GIT_CONFIG_VALUE_0: helper };
  daemon.environment = env;
  await daemon.start();
  const cwd = await daemon.mount("one", server.url(basename(origin)), { refreshMs: 3_600_000 });
  expect(await run("cat", ["src/part-2/file-2.c"], { cwd })).toBe(theirs("src/part-2/file-2.c"));
  using client = await daemon.connect();
  expect(await client.ask({ command: "fetch", name: "one" })).toMatchObject({ lastResult: "ok" });
  await run(
    "sh",
    ["-ec", "git fetch -q; git show HEAD:src/part-1/file-4.c; git push -q origin HEAD:refs/heads/pushed"],
    { cwd, env },
  );
  await expect(run("git", ["fetch", "-q"], { cwd, env: { GIT_TERMINAL_PROMPT: "0" } })).rejects.toThrow(
    /ould not read|uthentication/,
  );
  const kept = await run("sh", ["-c", `grep -rl ${secret} ${daemon.state} ${daemon.cache} || echo nowhere`]);
  expect(kept).toBe("nowhere\n");
});
