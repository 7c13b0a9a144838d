import { isOid, type Oid, parseCommit, parseTag } from "@millrace/pack";
import type { RemoteRef } from "@millrace/protocol-v2/client";
import { expandRefName } from "@millrace/storage";
import { PromisorError } from "../errors.ts";
import type { SharedPromisor } from "../shared-promisor.ts";

/** Where names of refs are looked up; a `Remote` is one. */
export interface RefSource {
  listRefs(query: {
    readonly prefixes: readonly string[];
    readonly signal?: AbortSignal | undefined;
  }): AsyncIterable<RemoteRef>;
}

/** What a name leads to: the tree, and the commit that has it, if one does. */
export interface ResolvedName {
  readonly tree: Oid;
  readonly commit: Oid | undefined;
}

/** Tags of tags of tags; git has no bound. */
const MAX_TAGS = 32;
const SHORTEST_ID = 4;

/**
 * Follows a name, an id in hex, or the beginning of one among the objects that are here and the tips of refs, to its tree.
 * Throws `PROMISOR_UNKNOWN_NAME`, `PROMISOR_WRONG_KIND` where it leads to a blob, and as `SharedPromisor.resolve`.
 */
export async function resolveName(
  objects: SharedPromisor,
  refs: RefSource | undefined,
  name: string,
  signal: AbortSignal | undefined,
): Promise<ResolvedName> {
  const oid = isOid(name, objects.format) ? name : await lookUp(objects, refs, name, signal);
  return peel(objects, oid, signal);
}

async function lookUp(
  objects: SharedPromisor,
  refs: RefSource | undefined,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Oid> {
  const names = expandRefName(name);
  const tips = new Map<string, Oid>();
  for await (const ref of refs?.listRefs({ prefixes: names, signal }) ?? []) {
    if (ref.oid !== undefined && names.includes(ref.name)) tips.set(ref.name, ref.oid);
  }
  const found = names.map((each) => tips.get(each)).find((oid) => oid !== undefined);
  return found ?? lookUpShort(objects, refs, name, signal);
}

async function lookUpShort(
  objects: SharedPromisor,
  refs: RefSource | undefined,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Oid> {
  let found = new Set<Oid>();
  if (name.length >= SHORTEST_ID && /^[0-9a-f]+$/.test(name)) {
    found = new Set(await objects.withPrefix(name));
    for await (const { oid } of found.size > 0 ? [] : (refs?.listRefs({ prefixes: [], signal }) ?? [])) {
      if (oid?.startsWith(name) === true) found.add(oid);
    }
  }
  const [only] = found;
  if (only !== undefined && found.size === 1) return only;
  const why = found.size === 0 ? "nothing goes by" : `${found.size} objects go by`;
  throw new PromisorError("PROMISOR_UNKNOWN_NAME", `${why} the name ${JSON.stringify(name)}`);
}

/** Follows tags and commits to a tree (gitrevisions, `^{tree}`). */
async function peel(
  objects: SharedPromisor,
  start: Oid,
  signal: AbortSignal | undefined,
): Promise<ResolvedName> {
  let oid = start;
  for (let tags = 0; tags < MAX_TAGS; tags++) {
    const { type, content } = await objects.resolve(oid, { signal });
    if (type === "tree") return { tree: oid, commit: undefined };
    if (type === "commit") return { tree: parseCommit(content, objects.format).tree, commit: oid };
    if (type === "blob") throw new PromisorError("PROMISOR_WRONG_KIND", `${start} leads to a blob`, { oid });
    oid = parseTag(content, objects.format).object;
  }
  throw new PromisorError("PROMISOR_WRONG_KIND", `${start} is a tag of too many tags`, { oid: start });
}
