import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import type { ControlRequest } from "../../src/daemon/protocol.ts";
import { DaemonLab } from "../support/daemon-lab.ts";
import { GitHttp } from "../support/git-http.ts";
import { run, useLab } from "../support/lab.ts";
import { type Ended, runShell } from "../support/mirror.ts";
import { randomOf } from "../support/random-steps.ts";
import { git, makeRepository } from "../support/repository.ts";

/** `MILLRACE_SEED` for other moments. */
const seed = Number(process.env["MILLRACE_SEED"] ?? 5);
/** A kill comes at most so long after what it interrupts has begun, in milliseconds. */
const MAX_DELAY_MS = 160;
/** An answer is held back after at most so many bytes. */
const MAX_ANSWER_BYTES = 4000;

const lab = useLab();
let daemon: DaemonLab;
let server: GitHttp;
let origin: string;
beforeEach(async () => {
  daemon = new DaemonLab(lab);
  origin = lab.keep(makeRepository());
  server = new GitHttp(dirname(origin));
  onTestFinished(async () => {
    await daemon.end();
    await server.kill();
  });
  await server.start();
});

const sh = (directory: string, script: string): Promise<string> =>
  run("sh", ["-ec", script], { cwd: directory });

/** All that shows, and what git says of it, with and without the help of the mount. */
const SHOWN = `
find . -name .git -prune -o -printf '%y %m %P %l\\n' | grep -v '^d [0-7]* $' | LC_ALL=C sort
find . -name .git -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha1sum
echo "-- told"; git status --porcelain
echo "-- looked"; git -c core.fsmonitor=false status --porcelain
echo "-- index"; git ls-files --stage
echo "-- branches"; git for-each-ref refs/heads; git symbolic-ref HEAD
`;

/** Ends what git was in the midst of, and takes back what of it is half there. */
const MEND = `
for half in rebase-merge rebase-apply; do
  [ ! -e "$(git rev-parse --git-path $half)" ] || git rebase --abort 2> /dev/null || rm -rf "$(git rev-parse --git-path $half)"
done
`;

interface Step {
  readonly what: string;
  /** What is done in the mount; done again it does the rest. Every line that it says is of something that has returned. */
  readonly script: string;
  /** What goes before doing it again. */
  readonly mend?: string;
}

/** What git and others do in a mount; `n` is another one for each step. */
const STEPS: readonly ((n: number) => Step)[] = [
  (n) => ({
    what: "writes",
    script: `mkdir -p mine/${n}
      for i in $(seq 200); do
        [ "$(cat mine/${n}/$i 2> /dev/null)" != $i ] || continue
        echo $i > mine/${n}/.new; chmod 640 mine/${n}/.new; mv mine/${n}/.new mine/${n}/$i; echo mine/${n}/$i
      done`,
  }),
  (n) => ({
    what: "commits",
    script: `git checkout -q -f main; mkdir -p commits
      for i in 1 2 3 4 5 6; do
        [ -z "$(git log --format=%H --grep="^${n}-$i\\$")" ] || continue
        echo $i > commits/${n}; git add commits; git commit -q -m ${n}-$i
        id=$(git rev-parse HEAD); echo "main $id"
      done`,
    mend: "git reset -q --hard; git clean -fdq commits",
  }),
  () => ({
    what: "a checkout of other branches",
    script: "for i in 1 2 3; do git checkout -q -f main; git checkout -q -f side; done",
    mend: "git checkout -q -f main; git clean -fdq -e mine",
  }),
  (n) => ({
    what: "a rebase",
    script: `git checkout -q -f -B topic-${n} side~2
      for i in 1 2 3; do
        echo $i > topic-${n}-$i; git add topic-${n}-$i; git commit -q -m topic-${n}-$i
        id=$(git rev-parse HEAD); echo "--reflog $id"
      done
      git rebase -q main; git checkout -q -f main`,
    mend: "git checkout -q -f main; git clean -fdq -e mine",
  }),
  (n) => ({
    what: "a base that moves",
    script: `git checkout -q -f main; mkdir -p mine/${n}
      for i in $(seq 20); do
        git symbolic-ref HEAD refs/heads/side; echo $i > mine/${n}/moving; git symbolic-ref HEAD refs/heads/main
      done; git symbolic-ref HEAD refs/heads/side`,
    mend: "git symbolic-ref HEAD refs/heads/main",
  }),
];

/** What the daemon is asked for meanwhile. */
const REQUESTS: readonly ControlRequest[] = [
  { command: "fetch", name: "one" },
  { command: "gc", name: "one" },
  { command: "evict", name: "one", keepBytes: 0 },
  { command: "remount", name: "one", lazy: true },
];

/** Has the daemon killed while it is at something, and starts it again, until git works in the mount. */
async function killWhile(work: () => Promise<unknown>, delayMs: number | Promise<unknown>): Promise<void> {
  const working = work().catch(() => undefined);
  await (typeof delayMs === "number" ? sleep(delayMs) : delayMs);
  await daemon.signal("SIGKILL");
  server.release();
  await working;
  await daemon.start();
  using client = await daemon.connect();
  await client.ask({ command: "wait", name: "one", until: "history" });
}

async function ask(request: ControlRequest): Promise<void> {
  using client = await daemon.connect();
  await client.ask(request);
}

/** Wants nothing half done beside a git directory, no lock that nobody holds, and all objects. */
async function expectWhole(directory: string, name: string): Promise<void> {
  const mounts = join(daemon.state, "mounts", name);
  expect(readdirSync(mounts).filter((each) => each.startsWith("git"))).toEqual(["git"]);
  // What git does without the daemon's help goes on behind its end.
  const locks = (): Promise<string> => run("find", [join(mounts, "git"), "-name", "*.lock"]);
  await expect.poll(locks, { timeout: 10_000 }).toBe("");
  expect(await sh(directory, "git fsck --connectivity-only --no-dangling 2>&1")).toBe("");
}

/** Wants what a script has told of before the daemon was killed: files, and commits of a branch or that a reflog has. */
async function expectTold({ out }: Ended, directory: string): Promise<void> {
  for (const line of out.split("\n").slice(0, -1)) {
    const [from, commit] = line.split(" ");
    if (commit !== undefined) expect(await sh(directory, `git rev-list ${from}`)).toContain(commit);
    else expect(await sh(directory, `cat ${line}; stat -c %a ${line}`)).toBe(`${basename(line)}\n640\n`);
  }
}

test("a daemon that is killed at any moment loses nothing that had returned: of writes, commits, checkouts, a rebase, a base that moves", async () => {
  const random = randomOf(seed);
  git(origin, ["branch", "side", "main"]);
  git(origin, ["checkout", "-q", "side"]);
  for (const n of [1, 2, 3]) {
    git(origin, ["rm", "-q", "-r", `src/part-${n - 1}`]);
    git(origin, ["mv", "names", `names-${n}`]);
    git(origin, ["mv", `names-${n}`, "names"]);
    git(origin, ["commit", "-q", "-m", `side ${n}`]);
  }
  git(origin, ["checkout", "-q", "main"]);
  const clone = join(lab.folder(), "clone");
  git("/", ["clone", "-q", origin, clone]);
  await daemon.start();
  const directory = await daemon.mount("one", server.url(basename(origin)));
  for (const each of [directory, clone]) await sh(each, "git fetch -q origin side:side; mkdir mine");
  for (const [at, stepOf] of STEPS.entries()) {
    const { what, script, mend = "" } = stepOf(at);
    const delayMs = Math.floor(random() * MAX_DELAY_MS);
    const so = `seed ${seed}, ${what}, killed after ${delayMs} ms`;
    // What is of before it is to be as it was, whatever is interrupted.
    for (const each of [directory, clone])
      await sh(
        each,
        `echo ${at} > "mine/before ${at}"; chmod ${at % 2 === 0 ? 600 : 755} "mine/before ${at}"`,
      );
    let ended: Ended | undefined;
    await killWhile(async () => (ended = await runShell(`set -e\n${script}`, directory)), delayMs);
    await expectTold(ended!, directory);
    expect(await sh(directory, `cat "mine/before ${at}"`), so).toBe(`${at}\n`);
    await expectWhole(directory, "one");
    await sh(directory, `${MEND}\n${mend}`);
    await sh(directory, script);
    await sh(clone, script);
    expect(await sh(directory, SHOWN), so).toBe(await sh(clone, SHOWN));
  }
});

test("a daemon that is killed while it fetches history or files, looks at the remote repository, tidies up or mounts again goes on as if nothing had been", async () => {
  const random = randomOf(seed);
  const clone = join(lab.folder(), "clone");
  git("/", ["clone", "-q", origin, clone]);
  const url = server.url(basename(origin));
  await daemon.start();
  const directory = await daemon.mount("one", url, { refreshMs: 3_600_000 });
  for (const each of [directory, clone])
    await sh(each, "echo mine > mine; echo more >> README.md; git add mine; chmod 755 empty");
  const expected = await sh(clone, SHOWN);
  const bytes = (): number => 1 + Math.floor(random() * MAX_ANSWER_BYTES);

  for (const request of REQUESTS) {
    daemon.commit(origin, `for ${request.command}`);
    const delayMs = Math.floor(random() * MAX_DELAY_MS);
    await killWhile(() => ask(request), delayMs);
    expect(await sh(directory, SHOWN), `seed ${seed}, ${request.command}, ${delayMs} ms`).toBe(expected);
    await expectWhole(directory, "one");
    await ask({ command: "fetch", name: "one" });
    expect(await sh(directory, "git rev-parse refs/millrace/upstream/heads/main")).toBe(
      `${git(origin, ["rev-parse", "main"])}\n`,
    );
  }
  // Files of which a part has come.
  await ask({ command: "evict", name: "one", keepBytes: 0 });
  const part = bytes();
  server.stalls = (body) => (body.includes("command=fetch") ? part : undefined);
  await killWhile(() => sh(directory, "cat src/*/* large.bin"), server.isHolding());
  expect(await sh(directory, SHOWN), `seed ${seed}, files, ${part} bytes`).toBe(expected);
  await expectWhole(directory, "one");
  // History of which a part has come, behind a mount that works.
  for (const name of ["two", "three"]) {
    const head = git(origin, ["rev-parse", "HEAD"]);
    const history = bytes() % 600;
    server.stalls = (body) =>
      body.includes(`want ${head}`) && !body.includes("deepen 1\n") ? history : undefined;
    const again = await daemon.add(name, url);
    await killWhile(() => sh(again, "cat README.md; git status --porcelain"), server.isHolding());
    using client = await daemon.connect();
    await client.ask({ command: "wait", name, until: "history" });
    const log = "git log --format='%H %s'; git status --porcelain";
    expect(await sh(again, log), `seed ${seed}, history, ${history} bytes`).toBe(await sh(origin, log));
    await expectWhole(again, name);
  }
});
