import { type ObjectFormat, type Oid, type OperationOptions, oidToBytes } from "@millrace/pack";
import {
  type Ref,
  type RefLines,
  type Snapshot,
  flattenBatches,
  isRefLines,
  refsOf,
} from "@millrace/storage";
import type { ObjectReader } from "../objects/object-view.ts";
import type { IsHidden } from "./hidden-refs.ts";
import { peelTag } from "../walk/reaches-common.ts";

/** One ref as a server tells it. */
export interface ListedRef {
  readonly name: string;
  readonly oid: Oid;
  readonly symref?: string | undefined;
  /** What an annotated tag finally points to. */
  readonly peeled?: Oid | undefined;
}

export interface ListRefsOptions extends OperationOptions {
  /** Only refs whose full name (`HEAD` included) starts with one of these; absent means all. */
  readonly prefixes?: readonly string[] | undefined;
  /** Tell what annotated tags point to. */
  readonly peel?: boolean | undefined;
  /** Refs to leave out. */
  readonly isHidden?: IsHidden | undefined;
}

/** What ids peel to never changes, so a repository remembers it: id → target, or `null` for what is no tag. */
export class PeelCache {
  readonly #peeled = new Map<Oid, Oid | null>();
  readonly #limit: number;

  constructor(limit = 100_000) {
    this.#limit = limit;
  }

  /** What a tag finally points to; `undefined` for what is no tag, or not here. The reader is opened only where this is new. */
  async peel(open: () => Promise<ObjectReader>, oid: Oid): Promise<Oid | undefined> {
    const known = this.#peeled.get(oid);
    if (known !== undefined) return known ?? undefined;
    const reader = await open();
    const target = await peelTag(reader, oid);
    // A missing object looks like one that is no tag; that is not a fact to keep.
    if (target === oid && (await reader.info(oidToBytes(oid))) === undefined) return undefined;
    if (this.#peeled.size >= this.#limit) this.#peeled.clear();
    this.#peeled.set(oid, target === oid ? null : target);
    return target === oid ? undefined : target;
  }
}

/** Refs as a server tells them: one by one, or as lines, of which each is told as it is. */
export type ListedBatch = readonly ListedRef[] | RefLines;

/**
 * Refs as git lists them: HEAD first where it resolves, then the rest in byte order.
 * Objects are read only to peel what the store could not tell.
 */
export async function* listRefBatches(
  snapshot: Snapshot,
  open: () => Promise<ObjectReader>,
  peels: PeelCache,
  options: ListRefsOptions = {},
): AsyncGenerator<ListedBatch> {
  const { prefixes, peel = false, isHidden, signal } = options;
  const list = async (refs: readonly Ref[]): Promise<readonly ListedRef[]> => {
    const listed: ListedRef[] = [];
    for (const { name, oid, symref, peeled } of refs) {
      if (isHidden?.(name) === true) continue;
      const target = !peel || peeled === null ? undefined : (peeled ?? (await peels.peel(open, oid)));
      listed.push({ name, oid, symref, peeled: target });
    }
    return listed;
  };
  if (prefixes === undefined || prefixes.some((prefix) => "HEAD".startsWith(prefix))) {
    const { oid, symref } = await snapshot.head({ signal });
    const hidden = symref !== undefined && isHidden?.(symref) === true;
    if (oid !== undefined && !hidden) {
      // The store may know what the branch peels to, so that no object has to be read for HEAD.
      const branch = peel && symref !== undefined ? await snapshot.ref(symref, { signal }) : undefined;
      const peeled = branch?.oid === oid ? branch.peeled : undefined;
      yield await list([{ name: "HEAD", oid, symref, peeled }]);
    }
  }
  for await (const batch of snapshot.refBatches({ prefixes, signal })) {
    const isReady = isRefLines(batch) && isHidden === undefined && (batch.isPeeled || !peel);
    yield isReady ? batch : await list(refsOf(batch, snapshot.objectFormat));
  }
}

/** The refs of batches one by one. */
export function eachListedRef(
  batches: AsyncIterable<ListedBatch>,
  format: ObjectFormat,
  peel: boolean,
): AsyncIterable<ListedRef> {
  return flattenBatches(batches, (batch): readonly ListedRef[] => {
    if (!isRefLines(batch)) return batch;
    const refs = refsOf(batch, format);
    return refs.map(({ name, oid, peeled }) => ({
      name,
      oid,
      peeled: peel ? (peeled ?? undefined) : undefined,
    }));
  });
}
