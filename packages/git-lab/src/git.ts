import { runSync } from "./run/run.ts";

/** Runs git in a directory, away from the user's configuration; throws where it fails. */
export function git(cwd: string, args: readonly string[], input?: string | Uint8Array): string {
  const { status, stdout, stderr } = tryGit(cwd, args, input);
  if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Runs git and tells how it went. */
export function tryGit(
  cwd: string,
  args: readonly string[],
  input?: string | Uint8Array,
  environment: NodeJS.ProcessEnv = {},
): { status: number; stdout: string; stderr: string } {
  const env = { ...gitEnvironment(), ...environment };
  const { status, stdout, stderr } = runSync("git", args, { cwd, input, env });
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** The environment that tests call git in. */
export function gitEnvironment(): NodeJS.ProcessEnv {
  const who = { NAME: "Tess Tester", EMAIL: "tess@example.org", DATE: "1700000000 +0000" };
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
  };
  for (const [key, value] of Object.entries(who)) {
    environment[`GIT_AUTHOR_${key}`] = value;
    environment[`GIT_COMMITTER_${key}`] = value;
  }
  return environment;
}
