import { expect } from "vitest";
import { type CloneState, readCloneState } from "../clone-state.ts";
import { git, tryGit } from "../git.ts";

/** A repository that is cloned from, with what git needs to be told on the way there. */
export interface Remote {
  readonly url: string;
  readonly env: Readonly<Record<string, string>>;
  readonly protocol: number;
}

/** What a clone had after each step. */
export type Followed = readonly (CloneState | readonly string[])[];

/**
 * Clones into `path`, makes git need what a filter left out, and fetches what each further step asks for. After each
 * step the clone must pass `git fsck --strict`.
 */
export async function follow(
  { url, env, protocol }: Remote,
  [first = [], ...rest]: readonly (readonly string[])[],
  path: string,
): Promise<Followed> {
  const followed: (CloneState | readonly string[])[] = [];
  const options = ["-c", `protocol.version=${protocol}`];
  const run = (...args: string[]): Promise<string> => git([...options, ...args], { cwd: path, env });
  const record = async (): Promise<void> => {
    followed.push(await readCloneState(path));
    await expectClean(path);
  };
  await git([...options, "clone", "--quiet", ...first, url, path], { env });
  await record();
  if (first.some((arg) => arg.startsWith("--filter"))) {
    await run("checkout", "--quiet", "main");
    followed.push([
      await run("status", "--porcelain"),
      await run("rev-parse", "HEAD^{tree}"),
      await run("cat-file", "-p", "HEAD~1:README"),
      await run("diff", "--stat", "HEAD~1", "HEAD"),
    ]);
    await record();
  }
  for (const step of rest) {
    await run("fetch", "--quiet", ...step);
    await record();
  }
  return followed;
}

/** Fails unless git finds nothing to say of a clone. */
async function expectClean(path: string): Promise<void> {
  const { status, stderr } = await tryGit(["fsck", "--strict", "--no-dangling"], {
    cwd: path,
    env: { GIT_NO_LAZY_FETCH: "1" },
  });
  expect({ status, stderr: stderr.replace(/^notice:.*\n|^Checking.*\n/gm, "") }).toEqual({
    status: 0,
    stderr: "",
  });
}
