import { randomUUID } from "node:crypto";

/** Where things lie in the bucket, below the prefix. */
export interface Keys {
  /** What the keys of all manifests start with. */
  readonly manifests: string;
  /** What the keys of all files start with. */
  readonly files: string;
  /** What the keys of probes start with. */
  readonly probes: string;
  /** The manifest of a repository. */
  manifest(name: string): string;
  /** The repository that has this manifest. */
  nameOf(manifestKey: string): string;
  /** The whole key of a file that a manifest names. */
  file(key: string): string;
}

export function createKeys(prefix: string | undefined): Keys {
  const top = prefix === undefined || prefix === "" ? "" : `${prefix}/`;
  const manifests = `${top}repos/`;
  return {
    manifests,
    files: `${top}data/`,
    probes: `${top}probe/`,
    manifest: (name) => manifests + name,
    nameOf: (manifestKey) => manifestKey.slice(manifests.length),
    file: (key) => top + key,
  };
}

/** A key below the prefix that was never used and never will be again, for a file of this life of a repository. */
export function freshFileKey(life: string, ending: "pack" | "parts"): string {
  return `data/${life}/${randomUUID()}.${ending}`;
}
