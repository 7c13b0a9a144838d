import { openHttpTransport } from "./http/http-transport.ts";
import { openCommandTransport, openDirectoryTransport } from "./stream/command-transport.ts";
import type { GitTransport } from "./transport.ts";

/** A repository somewhere, and the name of something in it. */
export interface RepositoryAddress {
  readonly repository: string;
  /** Default `HEAD`. */
  readonly name: string;
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
 * or a directory. SSH is the installed `ssh`, directories are read by the installed git.
 */
export function openTransport(repository: string): GitTransport {
  if (/^https?:\/\//i.test(repository)) return openHttpTransport(repository);
  if (/^file:\/\//i.test(repository))
    return openDirectoryTransport(decodeURIComponent(new URL(repository).pathname));
  const ssh = /^ssh:\/\//i.test(repository) ? sshOfUrl(new URL(repository)) : sshOfShort(repository);
  return ssh === undefined ? openDirectoryTransport(repository) : openSsh(repository, ssh);
}

interface SshTarget {
  readonly host: string;
  readonly port: string;
  readonly path: string;
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

function openSsh(address: string, { host, port, path }: SshTarget): GitTransport {
  if (host.startsWith("-") || path.startsWith("-"))
    throw new Error(`strange address ${JSON.stringify(address)} blocked`);
  const quoted = `'${path.replace(/['!]/g, "'\\$&'")}'`;
  return openCommandTransport(address, (service) => ({
    command: "ssh",
    args: ["-o", "SendEnv=GIT_PROTOCOL", ...(port === "" ? [] : ["-p", port]), host, `${service} ${quoted}`],
  }));
}
