import { describe, expect, it } from "vitest";
import type { PackSink } from "../random-access.ts";
import type { LinkFragment } from "./link-fragment.ts";
import { createLinkStore, type LinkStore } from "./link-store.ts";

const MIB = 1024 * 1024;

/** A sink in memory, which counts what it is asked for. */
function memorySink(): PackSink & { writtenBytes: number } {
  const chunks: Uint8Array[] = [];
  const sink = {
    writtenBytes: 0,
    async write(bytes: Uint8Array): Promise<void> {
      chunks.push(bytes.slice());
      sink.writtenBytes += bytes.length;
    },
    async open() {
      const all = new Uint8Array(Buffer.concat(chunks));
      return {
        sizeBytes: all.length,
        read: async (offset: number, length: number) => all.slice(offset, offset + length),
      };
    },
  };
  return sink;
}

/** A fragment of its own: the same seed makes the same one. */
function fragment(seed: number, words: number, oidBytes: number): LinkFragment {
  return {
    words: Uint32Array.from({ length: words }, (_, i) => seed * 7919 + i),
    oids: Uint8Array.from({ length: oidBytes }, (_, i) => seed + i),
  };
}

async function sorted(store: LinkStore): Promise<string[]> {
  const found: string[] = [];
  for await (const { words, oids } of store.fragments) {
    found.push(`${words.join()} ${Buffer.from(oids).toString("hex")}`);
  }
  return found.toSorted();
}

const few = [fragment(1, 10, 40), fragment(2, 0, 0), fragment(3, 3, 20)];
const many = Array.from({ length: 40 }, (_, i) => fragment(i, 1000 * i, MIB / 4 + 20 * i));
const listOf = (fragments: readonly LinkFragment[]): string[] =>
  fragments.map(({ words, oids }) => `${words.join()} ${Buffer.from(oids).toString("hex")}`).toSorted();

describe("a store of links", () => {
  it("holds few of them in memory", async () => {
    const store = createLinkStore(() => Promise.reject(new Error("a file is asked for")));
    for (const each of few) store.add(each);
    expect(store.settle()).toBeUndefined();
    expect(await sorted(store)).toEqual(listOf(few));
  });

  it("gives back what it has written out, as often as it is asked", async () => {
    const sink = memorySink();
    const store = createLinkStore(async () => sink);
    for (const each of many) {
      store.add(each);
      await store.settle();
    }
    expect(sink.writtenBytes).toBeGreaterThan(6 * MIB);
    const expected = listOf(many);
    expect(await sorted(store)).toEqual(expected);
    expect(await sorted(store)).toEqual(expected);
  });

  it("takes more while it writes", async () => {
    const store = createLinkStore(async () => memorySink());
    for (const each of many) store.add(each);
    expect(await sorted(store)).toEqual(listOf(many));
  });

  it("does without a file where there is none", async () => {
    const store = createLinkStore(undefined);
    for (const each of many) store.add(each);
    expect(store.settle()).toBeUndefined();
    expect(await sorted(store)).toEqual(listOf(many));
  });

  it("passes on what writing throws, and tells of a file that has become shorter", async () => {
    const full = createLinkStore(async () => ({
      ...memorySink(),
      write: () => Promise.reject(new Error("no space left")),
    }));
    for (const each of many) full.add(each);
    await expect(full.settle()).rejects.toThrow("no space left");
    await expect(sorted(full)).rejects.toThrow("no space left");

    const short = createLinkStore(async () => ({ ...memorySink(), write: async () => {} }));
    for (const each of many) short.add(each);
    await expect(sorted(short)).rejects.toMatchObject({ code: "PACK_TRUNCATED" });
  });
});
