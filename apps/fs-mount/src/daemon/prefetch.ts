import { openTree } from "@millrace/promisor";
import { PRIORITY } from "../hydrator/priority.ts";
import type { RepositoryMount } from "../mount-repository.ts";
import type { Tally } from "./protocol.ts";

/** Files that are brought here by one request. */
const AT_ONCE = 1000;

/**
 * Brings all files at or below a path of the mounted commit here, and waits for them.
 * @param path below the mount's root; empty for all of it
 * @throws what fetching throws; `signal.reason`
 */
export async function prefetchBelow(
  { parts: { git, hydrator } }: RepositoryMount,
  path: string,
  signal: AbortSignal,
): Promise<Tally> {
  const tree = await openTree({ objects: git.objects }, git.prepared.tree, { signal });
  const oids = new Set<string>();
  const { kind, oid } = path === "" ? { kind: "tree", oid: "" } : await tree.stat(path, { signal });
  if (kind === "tree") {
    for await (const files of tree.walk(path, { signal })) {
      for (const file of files) if (file.kind !== "submodule") oids.add(file.oid);
    }
  } else if (kind !== "submodule") oids.add(oid);
  const wanted = [...oids];
  let bytes = 0;
  for (let from = 0; from < wanted.length; from += AT_ONCE) {
    const batch = wanted.slice(from, from + AT_ONCE);
    const sizes = await Promise.all(batch.map((each) => hydrator.hydrate(each, PRIORITY.other, signal)));
    bytes += sizes.reduce((sum, sizeBytes) => sum + sizeBytes, 0);
  }
  return { count: wanted.length, bytes };
}
