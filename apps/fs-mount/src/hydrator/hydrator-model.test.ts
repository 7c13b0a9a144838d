import { mkdtempSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { numberedBlob, oidOf } from "../../test/support/fake-source.ts";
import { openBlobCache } from "../cache/blob-cache.ts";
import type { BlobReceiver, BlobSource } from "./blob-source.ts";
import { Hydrator } from "./hydrator.ts";

const blobs = Array.from({ length: 8 }, (_, i) => numberedBlob(i, 1 + i * 40_000));
const oids = blobs.map((blob) => oidOf(blob));

/** What may happen, the more often the more it is named. */
const STEPS =
  "open open hydrate enqueue enqueue size leave bring bring pieces answer answer fail miss evict damage wait".split(
    " ",
  );

/** A request that waits for the test to answer it. */
interface Request {
  readonly oids: readonly string[];
  readonly receiver: BlobReceiver;
  readonly signal: AbortSignal;
  resolve(): void;
  reject(error: unknown): void;
}

/** A source that does nothing by itself. */
function createPuppet(): BlobSource & { readonly requests: Request[] } {
  const requests: Request[] = [];
  return {
    requests,
    fetch: (asked, receiver, signal) =>
      new Promise<void>((resolve, reject) => {
        requests.push({ oids: asked, receiver, signal, resolve, reject });
      }),
  };
}

async function* inPieces(content: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < content.length; at += 50_000) yield content.subarray(at, at + 50_000);
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
};

it("answers everybody once and rightly, and fetches nothing twice at once, whatever happens in between", async () => {
  const step = fc.record({
    what: fc.constantFrom(...STEPS),
    which: fc.nat(blobs.length - 1),
    priority: fc.constantFrom(100, 500, 1000),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const folder = mkdtempSync(join(tmpdir(), "millrace-hydrator-"));
      try {
        await run(folder, steps);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }),
    { numRuns: 50 },
  );
});

async function run(
  folder: string,
  steps: readonly { readonly what: string; readonly which: number; readonly priority: number }[],
): Promise<void> {
  const cache = await openBlobCache({ folder, maxBytes: 600_000 });
  const source = createPuppet();
  const hydrator = new Hydrator({ cache, source, workers: 2, maxBatchCount: 3, eagerBytes: 100_000 });
  const asked: { outcome?: unknown; readonly done: Promise<void>; readonly stop: AbortController }[] = [];
  const brought = new Set<string>();
  const failures = new Set(["gone", "MOUNT_BLOB_MISSING", "left", "MOUNT_STOPPED"]);

  const ask = (work: (signal: AbortSignal) => Promise<unknown>): void => {
    const stop = new AbortController();
    const entry: (typeof asked)[number] = {
      stop,
      done: work(stop.signal).then(
        () => void (entry.outcome = "right"),
        (error: unknown) => {
          entry.outcome = (error as { readonly code?: unknown }).code ?? error;
        },
      ),
    };
    asked.push(entry);
  };
  const read = async (which: number, priority: number, signal: AbortSignal): Promise<void> => {
    const blob = await hydrator.open(oids[which]!, priority, signal);
    try {
      await blob.readable?.(blob.sizeBytes, signal);
      const content = Buffer.alloc(blob.sizeBytes);
      readSync(blob.fd, content, 0, content.length, 0);
      expect(content.equals(blobs[which]!)).toBe(true);
    } finally {
      blob.release();
    }
  };
  const sameSize = (which: number, size: number | undefined): void => {
    expect(size).toBe(blobs[which]!.length);
  };

  for (const { what, which, priority } of steps) {
    const oid = oids[which]!;
    const request = source.requests[which % Math.max(1, source.requests.length)];
    if (what === "open") ask((signal) => read(which, priority, signal));
    else if (what === "hydrate") {
      ask(async (signal) => sameSize(which, await hydrator.hydrate(oid, priority, signal)));
    } else if (what === "size") {
      ask(async (signal) => {
        const size = (await hydrator.sizeOf([oid], signal)).get(oid);
        if (size !== undefined) sameSize(which, size);
      });
    } else if (what === "enqueue") hydrator.enqueue(oid, priority);
    else if (what === "leave") asked[which]?.stop.abort("left");
    else if (what === "evict") await cache.evict(which * 20_000);
    else if (what === "damage") {
      if (cache.has(oid)) {
        // As if the disk had lost it: another file, so that who has it open is not concerned.
        rmSync(join(folder, oid.slice(0, 1), oid));
        writeFileSync(join(folder, oid.slice(0, 1), oid), "damaged");
      }
    } else if (what === "wait") await settle();
    else if (request !== undefined) {
      const index = oids.indexOf(request.oids.find((each) => !brought.has(each)) ?? request.oids[0]!);
      const content = blobs[index]!;
      if (what === "bring") await request.receiver.whole(oids[index]!, content);
      else if (what === "pieces") {
        await request.receiver.pieces(oids[index]!, content.length, inPieces(content));
      } else if (what === "miss") {
        request.receiver.missing(
          oids[index]!,
          Object.assign(new Error("no"), { code: "MOUNT_BLOB_MISSING" }),
        );
      } else {
        source.requests.splice(source.requests.indexOf(request), 1);
        if (what === "answer") request.resolve();
        else request.reject(Object.assign(new Error("gone"), { code: "gone" }));
      }
      brought.add(oids[index]!);
    }
    expect(source.requests.length).toBeLessThanOrEqual(3);
  }

  // Whatever is left is brought, and everybody is answered.
  for (let rounds = 0; rounds < 200; rounds++) {
    await settle();
    const request = source.requests.shift();
    if (request === undefined) break;
    for (const oid of request.oids) await request.receiver.whole(oid, blobs[oids.indexOf(oid)]!);
    request.resolve();
  }
  await hydrator.idle();
  await Promise.all(asked.map(({ done }) => done));
  for (const { outcome } of asked) {
    if (outcome !== "right") expect(failures).toContain(outcome);
  }
  expect(hydrator.backlog).toBe(0);
  // The cache has nothing but sound blobs, within its bound.
  await cache.evict();
  expect(cache.bytes).toBeLessThanOrEqual(600_000);
  await hydrator.stop();
}
