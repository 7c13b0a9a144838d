import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createWordSearch } from "./word-search.ts";

/** All places that a search tells. */
function placesIn(text: Uint8Array, words: readonly Uint8Array[], ignoreCase: boolean, from = 0): number[] {
  const search = createWordSearch(words, { ignoreCase });
  const places: number[] = [];
  for (let at = from; at < text.length; ) {
    const { places: some, end } = search.find(text, at);
    expect(end).toBeGreaterThan(at);
    for (const place of some) {
      expect(place >= at && place < end).toBe(true);
      places.push(place);
    }
    at = end;
  }
  return places;
}

/** Where words begin, as indexOf finds them, and where they end. */
function spansOf(text: Buffer, words: readonly Uint8Array[], ignoreCase: boolean): [number, number][] {
  const folded = ignoreCase ? lower(text) : text;
  const spans: [number, number][] = [];
  for (const word of words) {
    const sought = ignoreCase ? lower(word) : word;
    for (let at = folded.indexOf(sought); at >= 0; at = folded.indexOf(sought, at + 1)) {
      spans.push([at, at + word.length]);
    }
  }
  return spans;
}

const lower = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.map((byte) => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte)));

describe("a search for words", () => {
  const letter = fc.constantFrom(...Buffer.from("aAbBzZ@[`{\n\0\x80\xe1\xc1", "latin1"));
  const bytesOf = (max: number, min = 0): fc.Arbitrary<Uint8Array> =>
    fc.array(letter, { minLength: min, maxLength: max, size: "max" }).map((each) => Uint8Array.from(each));

  it("finds what indexOf finds, in memory that lies anywhere", () => {
    const words = fc.array(bytesOf(6, 1), { minLength: 1, maxLength: 20, size: "max" });
    fc.assert(
      fc.property(bytesOf(400), words, fc.boolean(), fc.nat(17), (content, sought, ignoreCase, offset) => {
        const text = Buffer.alloc(offset + content.length).subarray(offset);
        text.set(content);
        const places = placesIn(text, sought, ignoreCase);
        const spans = spansOf(text, sought, ignoreCase);
        expect(new Set(places).size).toBe(places.length);
        expect(places).toEqual(places.toSorted((a, b) => a - b));
        for (const place of places) {
          expect(spans.some(([start, end]) => place >= start && place < end)).toBe(true);
        }
        for (const [start, end] of spans) {
          expect(places.some((place) => place >= start && place < end)).toBe(true);
        }
      }),
    );
  });

  it("goes on where its window ends, and where it has found as much as it may tell", () => {
    const text = Buffer.alloc(300_000, "-");
    const word = Buffer.from("needle in a stack");
    const starts = [0, 131_072 - 40, 131_072 - 8, 131_072 + 9, 262_144 - 1, 300_000 - word.length];
    for (const start of starts) text.set(word, start);
    expect(placesIn(text, [word], false).length).toBe(starts.length);
    expect(placesIn(text, [word], false, 131_072).length).toBe(4);
    expect(placesIn(Buffer.alloc(5000, "ab"), [Buffer.from("ab")], true).length).toBe(2500);
    expect(placesIn(Buffer.alloc(0), [word], false)).toEqual([]);
    expect(placesIn(word.subarray(0, -1), [word], false)).toEqual([]);
  });

  it("refuses what it has no room for", () => {
    const word = Buffer.from("a");
    for (const words of [
      [],
      [word, Buffer.alloc(0)],
      Array.from({ length: 65 }, () => word),
      [Buffer.alloc(65_537)],
    ]) {
      expect(() => createWordSearch(words)).toThrow(RangeError);
    }
  });
});
