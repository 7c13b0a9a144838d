import { type CloneState, readCloneState } from "../clone-state.ts";
import { expectSound } from "../expect-sound.ts";
import { git } from "../git.ts";

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
    await expectSound(path);
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
