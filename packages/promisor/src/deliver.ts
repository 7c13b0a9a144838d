import type { Oid } from "@millrace/pack";
import { Handover, type ObjectTaker } from "./handover.ts";
import type { Promisor } from "./promisor.ts";
import { fetchWithoutUnknown } from "./source/fetch-without-unknown.ts";
import type { StoreCache } from "./store/store-cache.ts";
import { untilAborted } from "./until-aborted.ts";

/** Where objects are kept, and who fetches them. */
export interface DeliveredFrom {
  readonly store: StoreCache;
  readonly promisor: Promisor;
}

/** Larger blobs are handed over in pieces. */
const WHOLE_BYTES = 1024 * 1024;

/** Hands objects over out of a store, and those that it lacks while they are fetched into it. As `SharedPromisor.deliver`. */
export async function deliver(
  from: DeliveredFrom,
  oids: readonly Oid[],
  taker: ObjectTaker,
  signal: AbortSignal | undefined,
): Promise<void> {
  const absent = new Set(await untilAborted(from.store.missing(oids), signal));
  const kept = oids.filter((oid) => !absent.has(oid));
  await Promise.all([
    deliverKept(from.store, kept, taker, signal),
    absent.size === 0 ? undefined : deliverFetched(from, absent, taker, signal),
  ]);
}

async function deliverKept(
  store: StoreCache,
  oids: readonly Oid[],
  taker: ObjectTaker,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const oid of oids) {
    signal?.throwIfAborted();
    const stream = await store.stream(oid, { signal });
    if (stream?.type === "blob" && stream.sizeBytes > WHOLE_BYTES) {
      await taker.pieces(oid, stream.sizeBytes, stream.content);
    } else {
      const object = await store.read(oid);
      if (object !== undefined) await taker.whole(oid, object);
    }
  }
}

async function deliverFetched(
  { store, promisor }: DeliveredFrom,
  absent: ReadonlySet<Oid>,
  taker: ObjectTaker,
  signal: AbortSignal | undefined,
): Promise<void> {
  const handover = new Handover(taker, absent, promisor.format);
  const unknown = new Set<Oid>();
  const open = (): Oid[] => [...handover.open].filter((oid) => !unknown.has(oid));
  try {
    await fetchWithoutUnknown(
      open,
      (wants) => promisor.fetchInto(store, wants, { ...promisor.fetchOptions, handover, signal }),
      (oid) => unknown.add(oid),
    );
  } catch (error) {
    handover.fail(error);
    throw error;
  }
  // Large ones that came among others are in the store now.
  const late = open();
  if (late.length === 0) return;
  const missing = new Set(await untilAborted(store.missing(late), signal));
  const came = late.filter((oid) => !missing.has(oid));
  await deliverKept(store, came, taker, signal);
}
