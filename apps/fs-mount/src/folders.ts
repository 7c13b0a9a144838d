import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where contents of files are kept between runs, for all mounts of a user (XDG Base Directory Specification). */
export function chooseCacheFolder(asked: string | undefined, environment: Environment): string {
  return asked ?? join(baseFolder(environment["XDG_CACHE_HOME"], ".cache"), "millrace", "blobs");
}

/** Where what was read of buckets is kept between runs, as the server's own command line has it. */
export function chooseBucketFolder(environment: Environment): string {
  return join(baseFolder(environment["XDG_CACHE_HOME"], ".cache"), "millrace");
}

/**
 * Where the git directory of a mount is kept: the same one when the same name of the same repository is mounted on the same
 * directory again, with the same prepared git directory or without any.
 */
export function chooseStateFolder(
  asked: string | undefined,
  mount: {
    readonly url: string;
    readonly name: string;
    readonly directory: string;
    readonly preparedGitDirectory?: string | undefined;
  },
  environment: Environment,
): string {
  if (asked !== undefined) return asked;
  const { url, name, directory, preparedGitDirectory: prepared } = mount;
  const digest = createHash("sha256")
    .update(JSON.stringify([url, name, directory, ...(prepared === undefined ? [] : [prepared])]))
    .digest("hex");
  const place = baseFolder(environment["XDG_STATE_HOME"], ".local/state");
  return join(place, "millrace", "mounts", digest.slice(0, 24));
}

/** Where the daemon keeps what it has to know again: `MILLRACE_MOUNT_STATE`, else a folder of the user's. */
export function chooseDaemonFolder(asked: string | undefined, environment: Environment): string {
  const named = asked ?? environment["MILLRACE_MOUNT_STATE"];
  if (named !== undefined && named !== "") return resolve(named);
  return join(baseFolder(environment["XDG_STATE_HOME"], ".local/state"), "millrace", "daemon");
}

/** The specification: a path that is not absolute counts for nothing. */
function baseFolder(given: string | undefined, usual: string): string {
  return given !== undefined && isAbsolute(given) ? given : join(homedir(), usual);
}
