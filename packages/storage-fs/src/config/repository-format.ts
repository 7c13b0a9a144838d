import type { ObjectFormat } from "@millrace/pack";
import { lastValue, type RepositoryConfig, StorageError } from "@millrace/storage";

/** Extensions that change nothing for who reads and writes packs and refs as files. */
const HARMLESS = new Set([
  "noop",
  "noop-v1",
  "preciousobjects",
  "partialclone",
  "worktreeconfig",
  "relativeworktrees",
]);

/**
 * Checks that we know the repository's format (gitrepository-layout, "repository format version") and tells its hash.
 * Throws `STORAGE_UNSUPPORTED`.
 */
export function readRepositoryFormat(config: RepositoryConfig, key: string): ObjectFormat {
  const version = lastValue(config, "core.repositoryformatversion") ?? "0";
  if (version !== "0" && version !== "1") throw unsupported(`repository format version ${version}`, key);
  if (version === "0") return "sha1";
  let format: ObjectFormat = "sha1";
  for (const name of new Set(config.entries.map((entry) => entry.key))) {
    if (!name.startsWith("extensions.")) continue;
    const extension = name.slice("extensions.".length);
    const value = lastValue(config, name) as string;
    if (extension === "objectformat" && (value === "sha1" || value === "sha256")) format = value;
    else if (extension === "refstorage" && value === "files") continue;
    else if (!HARMLESS.has(extension)) throw unsupported(`extension ${extension} = ${value}`, key);
  }
  return format;
}

function unsupported(what: string, key: string): StorageError {
  return new StorageError("STORAGE_UNSUPPORTED", `${key}: ${what} is not supported`, { key });
}
