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
  /** A key without the prefix. */
  below(key: string): string;
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
    below: (key) => key.slice(top.length),
  };
}

const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const SWEPT = new RegExp(`^(?:data/${UUID}/${UUID}\\.[a-z]+|probe/${UUID})$`);

/** Whether a key below the prefix is of the kind that a sweep may delete: nothing that somebody else has put there. */
export function isSweepable(key: string): boolean {
  return SWEPT.test(key);
}

/** A key below the prefix that was never used and never will be again, for a file of this life of a repository. */
export function freshFileKey(life: string, ending: "pack" | "parts" | "refs"): string {
  return `data/${life}/${randomUUID()}.${ending}`;
}
