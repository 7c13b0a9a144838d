import { type Oid, type OperationOptions, oidToBytes } from "@millrace/pack";
import type { Ref, Snapshot } from "@millrace/storage";
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

  async peel(reader: ObjectReader, oid: Oid): Promise<Oid | undefined> {
    const known = this.#peeled.get(oid);
    if (known !== undefined) return known ?? undefined;
    const target = await peelTag(reader, oid);
    // A missing object looks like one that is no tag; that is not a fact to keep.
    if (target === oid && (await reader.info(oidToBytes(oid))) === undefined) return undefined;
    if (this.#peeled.size >= this.#limit) this.#peeled.clear();
    this.#peeled.set(oid, target === oid ? null : target);
    return target === oid ? undefined : target;
  }
}

/**
 * Refs as git lists them: HEAD first where it resolves, then the rest in byte order.
 * Objects are read only to peel what the store could not tell.
 */
export async function* listRefs(
  snapshot: Snapshot,
  reader: () => Promise<ObjectReader>,
  peels: PeelCache,
  options: ListRefsOptions = {},
): AsyncGenerator<ListedRef> {
  const { prefixes, peel = false, isHidden, signal } = options;
  const listed = async ({ name, oid, symref, peeled }: Ref): Promise<ListedRef> => {
    const target = !peel || peeled === null ? undefined : (peeled ?? (await peels.peel(await reader(), oid)));
    return { name, oid, symref, peeled: target };
  };
  if (prefixes === undefined || prefixes.some((prefix) => "HEAD".startsWith(prefix))) {
    const { oid, symref } = await snapshot.head({ signal });
    const hidden = isHidden?.("HEAD") === true || (symref !== undefined && isHidden?.(symref) === true);
    if (oid !== undefined && !hidden) yield await listed({ name: "HEAD", oid, symref });
  }
  for await (const ref of snapshot.refs({ prefixes, signal })) {
    if (isHidden?.(ref.name) !== true) yield await listed(ref);
  }
}
