import { createHash } from "node:crypto";
import { encodePackIndex, openPackIndex, type PackIndex } from "@millrace/pack";
import { createPromisor, type ObjectSource, SharedPromisor } from "@millrace/promisor";
import { type Measured, measure } from "./measure.ts";

/** What was measured, and what it may take. */
export interface ReadCase extends Measured {
  readonly case: string;
  readonly bound: number;
}

/** Reads that follow each other, of objects that are here. */
const READS = 100;
const OBJECTS = 1000;
const LOOKUPS = 20_000;

/** Measures reads of what is here, also while a fetch is under way, and lookups in a small pack and in a large one. */
export async function measureReads(runs: number): Promise<readonly ReadCase[]> {
  const { objects, oids } = await createFilledCache();
  const read = async (): Promise<number> => {
    let bytes = 0;
    for (let i = 0; i < READS; i++) bytes += (await objects.resolve(oids[(i * 7) % OBJECTS]!)).content.length;
    return bytes;
  };
  // A hundred in 10 ms, and in 20 beside a fetch.
  const cases: ReadCase[] = [{ case: "read, here", bound: 100, ...(await measure(runs, READS, read)) }];
  const stop = new AbortController();
  const fetching = objects.resolve("f".repeat(40), { signal: stop.signal }).catch(() => undefined);
  cases.push({ case: "read, here, during a fetch", bound: 200, ...(await measure(runs, READS, read)) });
  stop.abort();
  await fetching;

  const small = createIndex(1000);
  const found = await measure(runs, LOOKUPS, () => lookUp(small));
  cases.push({ case: "lookup in a pack of 1,000", bound: 100, ...found });
  const large = createIndex(50_000);
  // Ten times what a small one takes at most.
  const bound = Math.round(1000 * found.median) / 100;
  cases.push({
    case: "lookup in a pack of 50,000",
    bound,
    ...(await measure(runs, LOOKUPS, () => lookUp(large))),
  });
  return cases;
}

/** A cache with some objects, before a source that never answers until it is told to stop. */
async function createFilledCache(): Promise<{ objects: SharedPromisor; oids: readonly string[] }> {
  const source: ObjectSource = {
    address: "nowhere",
    objectFormat: () => Promise.resolve("sha1"),
    fetch: (_, { signal } = {}) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason as Error));
      }),
  };
  const objects = new SharedPromisor(await createPromisor(source));
  const oids = Array.from({ length: OBJECTS }, (_, i) => objects.put("blob", Buffer.from(`${i} of them`)));
  return { objects, oids };
}

/** The index of a pack of so many objects. */
function createIndex(count: number): PackIndex {
  const oids = new Uint8Array(count * 20);
  for (let i = 0; i < count; i++) oids.set(createHash("sha1").update(`${i}`).digest(), i * 20);
  const offsets = Float64Array.from({ length: count }, (_, i) => 12 + i * 100);
  const content = { format: "sha1", count, oids, offsets, crcs: new Uint32Array(count) } as const;
  return openPackIndex(encodePackIndex({ ...content, packChecksum: new Uint8Array(20) }), "sha1");
}

/** Looks for ids that are all there. */
function lookUp(index: PackIndex): number {
  let found = 0;
  for (let i = 0; i < LOOKUPS; i++) {
    const position = (i * 7919) % index.count;
    if (index.find(index.bytes, NAMES_AT + position * 20) === position) found++;
  }
  if (found !== LOOKUPS) throw new Error(`${LOOKUPS - found} objects of a pack were not found`);
  return found;
}

/** Where ids begin in an index of version 2 (gitformat-pack). */
const NAMES_AT = 8 + 1024;
