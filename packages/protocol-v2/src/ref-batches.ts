import type { AdvertisedRef, RefBatch, RefHost, RefLines, RefRequest } from "./host.ts";

/** A host's refs in batches, also where it tells them one by one only. */
export function refBatches(host: RefHost, request: RefRequest): AsyncIterable<RefBatch> {
  return host.listRefBatches?.(request) ?? one(host.listRefs(request));
}

export function isRefLines(batch: RefBatch): batch is RefLines {
  return "lines" in batch;
}

/** The refs of a batch one by one. */
export function* refsOf(batch: RefBatch): Generator<AdvertisedRef, void, undefined> {
  if (!isRefLines(batch)) {
    yield* batch;
    return;
  }
  const { buffer, byteOffset, byteLength } = batch.lines;
  const lines = Buffer.from(buffer, byteOffset, byteLength).toString().split("\n");
  for (let i = 0; i < lines.length - 1; i++) {
    const line = lines[i]!;
    const space = line.indexOf(" ");
    const ref = { oid: line.slice(0, space), name: line.slice(space + 1) };
    const next = lines[i + 1]!;
    if (next.startsWith("^")) i++;
    yield next.startsWith("^") ? { ...ref, peeled: next.slice(1) } : ref;
  }
}

async function* one(refs: AsyncIterable<AdvertisedRef>): AsyncGenerator<RefBatch, void, undefined> {
  for await (const ref of refs) yield [ref];
}
