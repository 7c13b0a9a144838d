import type { ObjectFormat } from "@millrace/pack";
import type { RepositoryConfig } from "../config.ts";
import { lastValue } from "../config-values.ts";
import { StorageError } from "../errors.ts";

/** Extensions that change nothing for who reads and writes packs and refs as files. */
const HARMLESS = new Set([
  "noop",
  "noop-v1",
  "preciousobjects",
  "partialclone",
  "worktreeconfig",
  "relativeworktrees",
]);

/** What a repository's ids and refs are like. */
export interface RepositoryFormat {
  readonly objectFormat: ObjectFormat;
  readonly refFormat: "files" | "reftable";
}

/**
 * Checks that we know the repository's format (gitrepository-layout, "repository format version") and tells its formats.
 * Throws `STORAGE_UNSUPPORTED`.
 */
export function readRepositoryFormat(config: RepositoryConfig, key: string): RepositoryFormat {
  const version = lastValue(config, "core.repositoryformatversion") ?? "0";
  if (version !== "0" && version !== "1") throw unsupported(`repository format version ${version}`, key);
  let objectFormat: ObjectFormat = "sha1";
  let refFormat: RepositoryFormat["refFormat"] = "files";
  if (version === "0") return { objectFormat, refFormat };
  for (const name of new Set(config.entries.map((entry) => entry.key))) {
    if (!name.startsWith("extensions.")) continue;
    const extension = name.slice("extensions.".length);
    const value = lastValue(config, name) as string;
    if (extension === "objectformat" && (value === "sha1" || value === "sha256")) objectFormat = value;
    else if (extension === "refstorage" && (value === "files" || value === "reftable")) refFormat = value;
    else if (!HARMLESS.has(extension)) throw unsupported(`extension ${extension} = ${value}`, key);
  }
  return { objectFormat, refFormat };
}

function unsupported(what: string, key: string): StorageError {
  return new StorageError("STORAGE_UNSUPPORTED", `${key}: ${what} is not supported`, { key });
}
