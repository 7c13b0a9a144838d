import type { ServiceCommand } from "../stream/command-transport.ts";
import { askGit, type GitQuestion } from "./ask-git.ts";

/** Where a repository lies that SSH leads to. */
export interface SshTarget {
  /** With its user, if one is named. */
  readonly host: string;
  readonly port: string;
  readonly path: string;
}

/** A program that is called as ssh is, or as others are. */
interface SshProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly variant: "ssh" | "plink" | "simple";
}

/**
 * The program that the user's git would call for SSH, `GIT_SSH_COMMAND`, `core.sshCommand`, `GIT_SSH` or `ssh` (git, "Environment
 * Variables"), as commands that run a service there. Without prompts OpenSSH asks nobody anything (`BatchMode`).
 */
export async function sshCommands(
  { host, port, path }: SshTarget,
  { environment, prompts, signal }: GitQuestion,
): Promise<(service: string) => ServiceCommand> {
  const { command, args, variant } = await sshProgram({ environment, signal });
  const options =
    variant === "ssh"
      ? ["-o", "SendEnv=GIT_PROTOCOL", ...(prompts === true ? [] : ["-o", "BatchMode=yes"])]
      : [];
  const at = port === "" ? [] : [variant === "plink" ? "-P" : "-p", port];
  if (variant === "simple" && port !== "")
    throw new Error("ssh variant 'simple' does not support setting port");
  const quoted = `'${path.replace(/['!]/g, "'\\$&'")}'`;
  return (service) => ({
    command,
    args: [...args, ...options, ...at, host, `${service} ${quoted}`],
    env: environment,
  });
}

async function sshProgram(question: GitQuestion): Promise<SshProgram> {
  const { environment } = question;
  const line =
    environment["GIT_SSH_COMMAND"] || (await askGit(["config", "core.sshCommand"], question))?.trimEnd();
  const program = environment["GIT_SSH"] || "ssh";
  const variant =
    environment["GIT_SSH_VARIANT"] ?? (await askGit(["config", "ssh.variant"], question))?.trim();
  // The shell gives the line the arguments that follow.
  return line
    ? { command: "sh", args: ["-c", `${line} "$@"`, line], variant: variantOf(variant, line) }
    : { command: program, args: [], variant: variantOf(variant, program) };
}

function variantOf(named: string | undefined, program: string): SshProgram["variant"] {
  if (named === "ssh" || named === "simple") return named;
  if (named === "plink" || named === "putty" || named === "tortoiseplink") return "plink";
  const base = /([^/\s]+?)(?:\.exe)?(?:\s|$)/i.exec(program.replace(/^\S*\//, ""))?.[1]?.toLowerCase();
  return base === "plink" || base === "tortoiseplink" ? "plink" : "ssh";
}
