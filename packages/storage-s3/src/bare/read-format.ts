import type { ObjectFormat, OperationOptions } from "@millrace/pack";
import { createConfig, parseConfig, readRepositoryFormat, StorageError } from "@millrace/storage";
import { type BarePlace, notFound } from "./bare-repository.ts";
import { isClaim } from "./claim.ts";

/**
 * The object format of the repository under a name. There is one where `HEAD` and `config` are there, as git writes both
 * of them; what a ref is called cannot make it a repository, since no ref's file is a `config`.
 * Throws `STORAGE_NOT_FOUND`, `STORAGE_CORRUPT`, `STORAGE_UNSUPPORTED`.
 */
export async function readFormat(
  { texts, top }: BarePlace,
  name: string,
  options: OperationOptions,
): Promise<ObjectFormat> {
  const base = `${top}${name}/`;
  const [head, config] = await Promise.all([
    texts.look(`${base}HEAD`, options),
    texts.look(`${base}config`, options),
  ]);
  if (head === undefined || isClaim(head.value) || config === undefined) throw notFound(name);
  const { objectFormat, refFormat } = readRepositoryFormat(createConfig(parseConfig(config.value)), name);
  if (refFormat === "files") return objectFormat;
  throw new StorageError("STORAGE_UNSUPPORTED", `${name}: ref tables in a bucket are not read`, {
    key: name,
  });
}
