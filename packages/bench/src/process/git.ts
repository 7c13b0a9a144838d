import { type CommandOptions, runCommand } from "./run-command.ts";

/** An environment in which nothing of the machine's own git configuration counts. */
export const gitEnvironment: Readonly<Record<string, string>> = {
  PATH: process.env.PATH ?? "",
  HOME: "/nonexistent",
  LC_ALL: "C",
  TZ: "UTC",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_AUTHOR_NAME: "A U Thor",
  GIT_AUTHOR_EMAIL: "author@example.com",
  GIT_COMMITTER_NAME: "C O Mitter",
  GIT_COMMITTER_EMAIL: "committer@example.com",
};

/** Runs git and answers what it printed, without the last line feed. Throws where it fails. */
export async function git(
  cwd: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { stdout } = await runCommand("git", args, {
    cwd,
    ...options,
    env: { ...gitEnvironment, ...options.env },
  });
  return stdout.replace(/\n$/, "");
}
