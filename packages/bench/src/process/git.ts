import { gitEnvironment } from "@millrace/scenarios/git";
import { type CommandOptions, runCommand } from "./run-command.ts";

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
