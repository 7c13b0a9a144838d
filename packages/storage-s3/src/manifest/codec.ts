import { randomUUID } from "node:crypto";
import { createConfig, holdRefs, StorageError, type StoredRef } from "@millrace/storage";
import type { RemovedState, RepositoryState } from "./repository-state.ts";
import { type Manifest, MANIFEST_FORMAT, ManifestFile, ManifestHead, type Tombstone } from "./schema.ts";

/** The bytes of a manifest. */
export function encodeState(state: RepositoryState): Uint8Array {
  const refs: Record<string, string> = {};
  for (const name of ["HEAD", ...state.refs.names]) {
    const ref = state.refs.get(name);
    if (ref !== undefined) refs[name] = ref.symref === undefined ? ref.oid : `@${ref.symref}`;
  }
  const { refs: _held, config, ...rest } = state;
  const manifest: Manifest = { format: MANIFEST_FORMAT, ...rest, config: config.entries, refs };
  return Buffer.from(JSON.stringify(manifest));
}

/** The bytes of a tombstone. */
export function encodeRemoved(state: RemovedState): Uint8Array {
  const { removedLife, removedMs, transactions } = state;
  const nonce = randomUUID();
  const tombstone: Tombstone = { format: MANIFEST_FORMAT, removedLife, removedMs, nonce, transactions };
  return Buffer.from(JSON.stringify(tombstone));
}

/** No tombstone has more bytes, but for one with many transactions; larger files need no look to see what they are. */
export const TOMBSTONE_BYTES = 1024;

/**
 * Reads what lies under the key of a repository. Throws `STORAGE_CORRUPT` where it is no manifest and
 * `STORAGE_UNSUPPORTED` where a newer version wrote it.
 */
export function decodeManifest(bytes: Uint8Array, key: string): RepositoryState | RemovedState {
  const file = parse(bytes, key);
  if ("removedLife" in file) return file;
  const refs = new Map<string, StoredRef>();
  for (const [name, value] of Object.entries(file.refs)) {
    refs.set(name, value.startsWith("@") ? { symref: value.slice(1) } : { oid: value });
  }
  const { format: _format, config, ...rest } = file;
  return { ...rest, config: createConfig(config), refs: holdRefs(refs) };
}

function parse(bytes: Uint8Array, key: string): Manifest | Tombstone {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new StorageError("STORAGE_CORRUPT", `the manifest ${key} is no JSON`, { cause, key });
  }
  const head = ManifestHead.safeParse(json);
  if (head.success && head.data.format > MANIFEST_FORMAT) {
    const message = `the manifest ${key} has format ${head.data.format}, this version knows up to ${MANIFEST_FORMAT}: update it`;
    throw new StorageError("STORAGE_UNSUPPORTED", message, { key });
  }
  const file = ManifestFile.safeParse(json);
  if (file.success) return file.data;
  throw new StorageError("STORAGE_CORRUPT", `the manifest ${key} is damaged`, { cause: file.error, key });
}
