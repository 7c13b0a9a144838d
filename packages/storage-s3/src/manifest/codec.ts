import { randomUUID } from "node:crypto";
import { compareNames, createConfig, StorageError, type StoredRef } from "@millrace/storage";
import { storeRefs } from "../refs/stored-refs.ts";
import type { RemovedState, RepositoryState } from "./repository-state.ts";
import { type Manifest, MANIFEST_FORMAT, ManifestFile, ManifestHead, type Tombstone } from "./schema.ts";

/** The bytes of a manifest. */
export function encodeState(state: RepositoryState): Uint8Array {
  const refs: Record<string, string> = {};
  const { inline, tables } = state.refs;
  for (const name of [...inline.keys()].sort(compareNames)) refs[name] = encodeRef(inline.get(name) ?? null);
  const { refs: _stored, config, ...rest } = state;
  const manifest: Manifest = { format: MANIFEST_FORMAT, ...rest, config: config.entries, refs, tables };
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
  const inline = new Map<string, StoredRef | null>();
  for (const [name, value] of Object.entries(file.refs)) inline.set(name, decodeRef(value));
  const { format: _format, config, tables, ...rest } = file;
  return { ...rest, config: createConfig(config), refs: storeRefs(inline, tables) };
}

const GONE = "-";

function encodeRef(ref: StoredRef | null): string {
  if (ref === null) return GONE;
  if (ref.symref !== undefined) return `@${ref.symref}`;
  return ref.peeled === undefined ? ref.oid : `${ref.oid}^${ref.peeled ?? ""}`;
}

function decodeRef(value: string): StoredRef | null {
  if (value === GONE) return null;
  if (value.startsWith("@")) return { symref: value.slice(1) };
  const [oid = "", peeled] = value.split("^");
  if (peeled === undefined) return { oid };
  return { oid, peeled: peeled === "" ? null : peeled };
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
