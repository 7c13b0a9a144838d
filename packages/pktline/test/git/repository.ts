import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const env: NodeJS.ProcessEnv = {
  ...process.env,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  LC_ALL: "C",
  ...Object.fromEntries(
    ["AUTHOR", "COMMITTER"].flatMap((who) => [
      [`GIT_${who}_NAME`, "A U Thor"],
      [`GIT_${who}_EMAIL`, "author@example.com"],
      [`GIT_${who}_DATE`, "1700000000 +0000"],
    ]),
  ),
};

/** What a program answered. */
export interface Answer {
  readonly status: number | null;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

/** Runs git with `input`, without blocking, as a server in this process may have to answer it. */
export async function git(
  args: readonly string[],
  input: Uint8Array = new Uint8Array(0),
  more: NodeJS.ProcessEnv = {},
): Promise<Answer> {
  const child = spawn("git", args, { env: { ...env, ...more } });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { status, stdout: new Uint8Array(Buffer.concat(stdout)), stderr: Buffer.concat(stderr).toString() };
}

/** A folder with a repository `work` in it: some commits and tags, one file that does not compress. */
export function makeRepository(): {
  readonly folder: string;
  readonly work: string;
  readonly remove: () => void;
} {
  const folder = mkdtempSync(join(tmpdir(), "pktline-"));
  const work = join(folder, "work");
  const run = (...args: string[]): void =>
    void execFileSync("git", ["-C", work, ...args], { env, stdio: "ignore" });
  execFileSync("git", ["init", "-q", "-b", "main", work], { env });
  let state = 1;
  const noise = Uint8Array.from({ length: 700_000 }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 24;
  });
  writeFileSync(join(work, "noise"), noise);
  for (const name of ["one", "two", "three"]) {
    writeFileSync(join(work, name), `${name}\n`.repeat(50));
    run("add", ".");
    run("commit", "-q", "-m", name);
    run("tag", "-a", "-m", name, `tag-${name}`);
  }
  return { folder, work, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Starts `git upload-pack` on a repository, to be talked to. */
export function uploadPack(work: string): ReturnType<typeof spawn> {
  return spawn("git", ["upload-pack", work], { env, stdio: ["pipe", "pipe", "ignore"] });
}
