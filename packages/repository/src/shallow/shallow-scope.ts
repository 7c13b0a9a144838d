import { type Oid, type OperationOptions, oidToBytes, readCommitLinks } from "@millrace/pack";
import type { ObjectReader } from "../objects/object-view.ts";
import type { ShallowUpdate } from "./deepen.ts";
import { rootsInReach } from "./roots-in-reach.ts";

/** What a client asks for, and where its history ends before and after. */
export interface ShallowFetch {
  readonly wants: readonly Oid[];
  readonly haves: readonly Oid[];
  readonly clientShallow?: readonly Oid[] | undefined;
  readonly shallowUpdate?: ShallowUpdate | undefined;
}

/** What is to be enumerated for it. */
export interface ShallowScope {
  readonly wants: readonly Oid[];
  readonly haves: readonly Oid[];
  readonly shallow: readonly Oid[];
  readonly excludeHaveTrees: boolean;
}

/**
 * Turns a fetch over a shallow boundary into one over a history that ends there, for both sides, as git upload-pack
 * does: old and new shallow roots lose their parents, and what lies behind the old ones is wanted by name.
 */
export async function shallowScope(
  reader: ObjectReader,
  ownRoots: readonly Oid[],
  fetch: ShallowFetch,
  options: OperationOptions = {},
): Promise<ShallowScope> {
  const { clientShallow = [], shallowUpdate = { shallow: [], unshallow: [] } } = fetch;
  const { shallow, unshallow } = shallowUpdate;
  const cut = [...ownRoots, ...clientShallow, ...shallow];
  const wants = [...fetch.wants];
  for (const oid of unshallow) {
    const { content } = await reader.read(oidToBytes(oid));
    wants.push(...readCommitLinks(content, reader.format).parents);
  }
  return {
    wants,
    haves: [...fetch.haves, ...(await rootsAtClient(reader, fetch, cut, options))],
    shallow: cut,
    excludeHaveTrees: clientShallow.length + shallow.length > 0,
  };
}

/** The unshallowed roots that the client surely has; one that does not tell what it has is believed, as git believes it. */
async function rootsAtClient(
  reader: ObjectReader,
  { haves, shallowUpdate }: ShallowFetch,
  cut: readonly Oid[],
  options: OperationOptions,
): Promise<readonly Oid[]> {
  const roots = shallowUpdate?.unshallow ?? [];
  if (roots.length === 0 || haves.length === 0) return roots;
  const inReach = await rootsInReach(reader, roots, { haves, cut }, options);
  return roots.filter((root) => inReach.has(root));
}
