import { spawn } from "node:child_process";
import { once } from "node:events";
import type { GitService, GitTransport } from "../transport.ts";
import { StreamTransportOptions } from "./schema.ts";
import { openStreamTransport } from "./stream-transport.ts";

/** A command that talks as a service does. */
export interface ServiceCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the caller's environment. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * A way to a repository by a command whose standard streams are the connection. It is run without a shell.
 * @throws ZodError where the options are malformed.
 */
export function openCommandTransport(
  address: string,
  commandFor: (service: GitService) => ServiceCommand,
  options: StreamTransportOptions = {},
): GitTransport {
  const { answerTimeoutMs } = StreamTransportOptions.parse(options);
  return openStreamTransport(
    address,
    async (service, { version }) => {
      const { command, args, env } = commandFor(service);
      const child = spawn(command, args, {
        stdio: ["pipe", "pipe", "pipe"],
        env: { ...process.env, ...env, ...(version === 0 ? {} : { GIT_PROTOCOL: `version=${version}` }) },
      });
      const ended = once(child, "close");
      // Where it cannot be started, that is told once, by the next line.
      ended.catch(() => undefined);
      await once(child, "spawn");
      return {
        input: child.stdin,
        output: child.stdout,
        complaints: child.stderr,
        kill: () => void child.kill(),
        ended,
      };
    },
    answerTimeoutMs,
  );
}

/** A way to a repository in a directory of this machine, by the installed git. */
export function openDirectoryTransport(
  directory: string,
  options: StreamTransportOptions = {},
): GitTransport {
  return openCommandTransport(
    directory,
    (service) => ({ command: "git", args: [service.slice("git-".length), "--", directory] }),
    options,
  );
}
