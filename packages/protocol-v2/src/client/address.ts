import { openHttpTransport } from "./http/http-transport.ts";
import { openCommandTransport, openDirectoryTransport } from "./stream/command-transport.ts";
import type { GitTransport } from "./transport.ts";
import { askGit, type Environment } from "./user-git/ask-git.ts";
import { gitCredentials } from "./user-git/git-credentials.ts";
import { httpSettings } from "./user-git/http-settings.ts";
import { sshCommands, type SshTarget } from "./user-git/ssh-command.ts";

/** A repository somewhere, and the name of something in it. */
export interface RepositoryAddress {
  readonly repository: string;
  /** Default `HEAD`. */
  readonly name: string;
}

/** On whose behalf a repository is reached. */
export interface TransportUser {
  /** Default: this process's. */
  readonly environment?: Environment | undefined;
  /** Whether the user may be asked for passwords at the terminal. Default false. */
  readonly prompts?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What stands before the path: scheme and authority, or the host of `host:path`. */
const FRONT = /^(?:[a-z][a-z0-9+.-]*:\/\/[^/]*|[^/:]+:(?!\/\/))/i;

/** Splits `URL[@REF]` at the first `@` of its path. */
export function parseAddress(text: string): RepositoryAddress {
  const front = FRONT.exec(text)?.[0].length ?? 0;
  const at = text.indexOf("@", front);
  if (at < 0) return { repository: text, name: "HEAD" };
  return { repository: text.slice(0, at), name: text.slice(at + 1) || "HEAD" };
}

/**
 * A way to a repository by the form of its address, as git tells them apart: a URL of http, https, ssh or file, `host:path`,
 * a directory, or what the user's git calls it (`url.<base>.insteadOf`, a remote). It is reached as the user's git would: with its
 * settings for HTTP, its credentials where the server wants some, its command for SSH; directories are read by the installed git.
 * Throws as `httpSettings`, and `signal.reason`.
 */
export async function openTransport(repository: string, user: TransportUser = {}): Promise<GitTransport> {
  const { environment = process.env, prompts, signal } = user;
  const question = { environment, prompts, signal };
  const meant = (await askGit(["ls-remote", "--get-url", "--", repository], question))?.trimEnd();
  const address = meant || repository;
  if (/^https?:\/\//i.test(address)) {
    const settings = await httpSettings(new URL(address), environment, signal);
    return openHttpTransport(address, { ...settings, credentialHelper: gitCredentials(question) });
  }
  if (/^file:\/\//i.test(address)) {
    return openDirectoryTransport(decodeURIComponent(new URL(address).pathname));
  }
  const target = /^ssh:\/\//i.test(address) ? sshOfUrl(new URL(address)) : sshOfShort(address);
  if (target === undefined) return openDirectoryTransport(address);
  const { host, path } = target;
  if (host.startsWith("-") || path.startsWith("-")) {
    throw new Error(`strange address ${JSON.stringify(address)} blocked`);
  }
  return openCommandTransport(address, await sshCommands(target, question));
}

function sshOfUrl(url: URL): SshTarget {
  const user = url.username === "" ? "" : `${decodeURIComponent(url.username)}@`;
  // `/~user` is a home, and begins no absolute path.
  const path = decodeURIComponent(url.pathname).replace(/^\/~/, "~");
  return { host: user + url.hostname, port: url.port, path };
}

function sshOfShort(repository: string): SshTarget | undefined {
  const [, host = "", path = ""] = /^([^/:]+):(?!\/\/)(.*)$/s.exec(repository) ?? [];
  return host === "" ? undefined : { host, port: "", path };
}
