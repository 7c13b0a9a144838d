import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openDirectoryTransport, openRemote, type Remote } from "@millrace/protocol-v2/client";
import { createMemoryStorage } from "@millrace/storage";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createPromisor,
  type FetchedPack,
  type ObjectSource,
  type ObjectTaker,
  openRemoteSource,
  openStoreCache,
  SharedPromisor,
} from "../../src/index.ts";
import { type CountingSource, countRequests } from "../support/counting-source.ts";
import { createLentRepository, git, type LentRepository } from "../support/repository.ts";

/** Takes everything, and checks it against its ids. */
interface Taken extends ObjectTaker {
  /** What came, with its size. */
  readonly objects: Map<string, number>;
  /** Ids of those that came in pieces. */
  readonly pieced: string[];
}

function createTaker(): Taken {
  const objects = new Map<string, number>();
  const pieced: string[] = [];
  const note = (oid: string, type: string, sizeBytes: number, content: readonly Uint8Array[]): void => {
    const hash = createHash("sha1").update(`${type} ${sizeBytes}\0`);
    for (const piece of content) hash.update(piece);
    expect(hash.digest("hex")).toBe(oid);
    expect(objects.has(oid)).toBe(false);
    objects.set(oid, sizeBytes);
  };
  return {
    objects,
    pieced,
    whole: (oid, { type, content }) => note(oid, type, content.length, [content]),
    async pieces(oid, sizeBytes, content) {
      const taken: Uint8Array[] = [];
      pieced.push(oid);
      for await (const piece of content) taken.push(piece);
      note(oid, "blob", sizeBytes, taken);
    },
  };
}

let lent: LentRepository;
let remote: Remote;
let source: CountingSource;
beforeAll(async () => {
  lent = await createLentRepository();
  // Two large ones that are no differences to each other.
  for (const name of ["first.bin", "second.bin"]) {
    await writeFile(join(lent.path, name), Buffer.from(`${name}\n`.repeat(200_000)));
  }
  git(lent.path, ["add", "."]);
  git(lent.path, ["commit", "-q", "-m", "more"]);
  remote = openRemote(openDirectoryTransport(lent.path));
});
beforeEach(() => {
  source = countRequests(openRemoteSource(remote));
});
afterAll(async () => {
  await remote[Symbol.asyncDispose]();
  await lent[Symbol.asyncDispose]();
});

async function share(from: ObjectSource, isStored = true): Promise<SharedPromisor> {
  const store = isStored ? openStoreCache(await createMemoryStorage().create("cache")) : undefined;
  return new SharedPromisor(await createPromisor(from), { store });
}

describe.each(["memory", "a store"] as const)(
  "objects that are handed over as they come, with %s",
  (where) => {
    let objects: SharedPromisor;
    beforeEach(async () => {
      objects = await share(source, where === "a store");
    });

    it("come once each in one request, what is here without one, and none but those", async () => {
      const oids = ["README", "src/part-0/file-0.txt", "src/part-1/file-1.txt", "large.bin", "first.bin"].map(
        (path) => lent.oid(`main:${path}`),
      );
      const first = createTaker();
      await objects.deliver([...oids, oids[0]!], first);
      expect([...first.objects.keys()].toSorted()).toEqual(oids.toSorted());
      expect(source.requests).toHaveLength(1);
      const again = createTaker();
      const more = lent.oid("main:src/part-2/file-2.txt");
      await objects.deliver([...oids, more], again);
      expect([...again.objects.keys()].toSorted()).toEqual([...oids, more].toSorted());
      expect(source.requests.slice(1)).toEqual([[more]]);
    });

    it("leave out those that the server does not have", async () => {
      const taker = createTaker();
      const oids = ["1".repeat(40), lent.oid("main:README"), "2".repeat(40)];
      await objects.deliver(oids, taker);
      expect([...taker.objects.keys()]).toEqual([oids[1]]);
    });

    it("are not fetched any more when their signal says so", async () => {
      const stop = new AbortController();
      source.gate = new Promise(() => undefined);
      const delivering = objects.deliver([lent.oid("main:README")], createTaker(), { signal: stop.signal });
      stop.abort(new Error("enough"));
      await expect(delivering).rejects.toThrow("enough");
    });
  },
);

describe("large blobs that are fetched alone into a store", () => {
  it("come in pieces before the pack has ended, where they are large and alone", async () => {
    const oid = lent.oid("main:first.bin");
    let isWhole = false;
    let release: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      release = resolve;
    });
    const held = await share({
      ...source,
      fetchPack: async (wants, options) => {
        const fetched = await source.fetchPack!(wants, options);
        return fetched && { ...fetched, pack: holdEnd(fetched.pack, begun, () => (isWhole = true)) };
      },
    });
    let sizeBytes = 0;
    await held.deliver([oid], {
      whole: () => expect.unreachable(),
      async pieces(_oid, size, content) {
        for await (const piece of content) {
          if (sizeBytes === 0) expect(isWhole).toBe(false);
          release();
          sizeBytes += piece.length;
        }
        expect(sizeBytes).toBe(size);
      },
    });
    expect(sizeBytes).toBe(2_000_000);
    expect(await held.missing([oid])).toEqual([]);
  });

  it("go on where they broke off", async () => {
    const oid = lent.oid("main:second.bin");
    let attempts = 0;
    const breaking = await share({
      ...source,
      fetchPack: async (wants, options) => {
        const fetched = await source.fetchPack!(wants, options);
        return ++attempts > 1 || fetched === undefined ? fetched : breakingOff(fetched);
      },
    });
    const taker = createTaker();
    await breaking.deliver([oid], taker);
    expect(attempts).toBe(2);
    expect(taker.pieced).toEqual([oid]);
    expect(taker.objects.get(oid)).toBe(2_200_000);
  });

  it("end for whoever takes them when the fetch fails, and nothing is kept", async () => {
    const oid = lent.oid("main:second.bin");
    const failing = await share({
      ...source,
      fetchPack: async (wants, options) => {
        const fetched = await source.fetchPack!(wants, options);
        return fetched && breakingOff(fetched, false);
      },
    });
    const taker = createTaker();
    await expect(failing.deliver([oid], taker)).rejects.toThrow("cut");
    expect(taker.objects.size).toBe(0);
    expect(await failing.missing([oid])).toEqual([oid]);
  });
});

/** A pack whose last bytes wait. */
async function* holdEnd(
  pack: AsyncIterable<Uint8Array>,
  until: Promise<void>,
  onEnd: () => void,
): AsyncGenerator<Uint8Array> {
  const whole = await gather(pack);
  yield whole.subarray(0, -25);
  await until;
  onEnd();
  yield whole.subarray(-25);
}

/** Half of a pack. */
function breakingOff(fetched: FetchedPack, transient = true): FetchedPack {
  return {
    ...fetched,
    pack: (async function* () {
      const whole = await gather(fetched.pack);
      yield whole.subarray(0, whole.length >> 1);
      throw Object.assign(new Error("cut"), { transient });
    })(),
    [Symbol.asyncDispose]: () => fetched[Symbol.asyncDispose](),
  };
}

async function gather(pack: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of pack) chunks.push(chunk.slice());
  return Buffer.concat(chunks);
}
