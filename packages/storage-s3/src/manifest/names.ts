import { StorageError } from "@millrace/storage";
import { z } from "zod";

/** What a sweep asks of a manifest, whoever wrote it. */
export interface ManifestNames {
  /** Keys of files, below the prefix. */
  readonly files: ReadonlySet<string>;
  /** Whether some of them are on the list of those that go. */
  readonly hasRemoved: boolean;
  /** Of a tombstone, the life that was removed, and when by the store's clock; else absent, and 0. */
  readonly removedLife: string | undefined;
  readonly removedMs: number;
}

const List = z.object({ removed: z.array(z.unknown()).nonempty() });
const Tomb = z.object({ removedLife: z.string(), removedMs: z.number() });
const FILE = /^data\//;

/**
 * Every key that a manifest holds, wherever it stands: a later version may name files in places that this one does not know,
 * and nothing may be deleted for that. Throws `STORAGE_CORRUPT` where it is no JSON.
 */
export function readManifestNames(bytes: Uint8Array, key: string): ManifestNames {
  const files = new Set<string>();
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes), (_, value: unknown) => {
      if (typeof value === "string" && FILE.test(value)) files.add(value);
      return value;
    });
  } catch (cause) {
    throw new StorageError("STORAGE_CORRUPT", `the manifest ${key} is no JSON`, { cause, key });
  }
  const { removedLife, removedMs = 0 } = Tomb.safeParse(json).data ?? {};
  return { files, hasRemoved: List.safeParse(json).success, removedLife, removedMs };
}
