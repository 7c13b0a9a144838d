import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/**
 * Where graphs of packs are kept between runs: what the command line says, else where the user's caches lie (XDG Base
 * Directory Specification). `undefined` for nowhere.
 */
export function chooseCacheFolder(
  asked: string | false | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (asked !== undefined) return asked === false ? undefined : asked;
  const { XDG_CACHE_HOME: caches } = environment;
  // The specification: a path that is not absolute counts for nothing.
  return join(caches !== undefined && isAbsolute(caches) ? caches : join(homedir(), ".cache"), "millrace");
}
