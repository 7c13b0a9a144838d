import fc from "fast-check";
import { expect } from "vitest";
import type { PktLine } from "../src/index.ts";

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

export function concat(chunks: Iterable<Uint8Array>): Uint8Array {
  return new Uint8Array(Buffer.concat([...chunks]));
}

/** A stream cut at the given places. */
export function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [
    0,
    ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b),
    bytes.length,
  ];
  return sorted.slice(1).map((end, i) => bytes.slice(sorted[i], end));
}

export const cuts: fc.Arbitrary<number[]> = fc.array(fc.nat(), { maxLength: 12 });

/** `flush`, or a payload as text with a mark for its length. */
export function shown(packet: PktLine | undefined): string | undefined {
  return packet?.type === "data" ? `data ${Buffer.from(packet.bytes).toString("latin1")}` : packet?.type;
}

/** Payloads as they happen: none, lines, random bytes, and the longest. */
export const payloads: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 2, arbitrary: fc.string().map((text) => utf8(`${text}\n`)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.integer({ min: 60_000, max: 65_516 }), fc.nat(255))
      .map(([n, b]) => new Uint8Array(n).fill(b)),
  },
);

export async function* inTurn<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) {
    await new Promise((resolve) => setImmediate(resolve));
    yield item;
  }
}

export async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** Like `toEqual` on bytes, which takes seconds on a full packet. */
export function expectSame(actual: Uint8Array, wanted: Uint8Array): void {
  if (Buffer.compare(actual, wanted) !== 0)
    expect([...actual.subarray(0, 1000)]).toEqual([...wanted.subarray(0, 1000)]);
  expect(Buffer.compare(actual, wanted)).toBe(0);
}
