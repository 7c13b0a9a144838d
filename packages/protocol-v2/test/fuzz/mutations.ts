import { packets } from "../support/packets.ts";
import type { Random } from "../support/random.ts";
import { transcripts, vocabulary } from "./transcripts.ts";

/** Breaks a conversation in one way. */
type Mutation = (bytes: Buffer, random: Random) => Buffer;

const place = (bytes: Buffer, random: Random): number => random.below(bytes.length + 1);
const packetPlaces = (bytes: Buffer): [number, ...number[]] => {
  const places: [number, ...number[]] = [0];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = Number.parseInt(bytes.subarray(at, at + 4).toString("latin1"), 16);
    at += Number.isNaN(length) || length < 4 ? 4 : length;
    if (at <= bytes.length) places.push(at);
  }
  return places;
};
const insert = (bytes: Buffer, at: number, more: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);

/** Lengths that are wrong, or right and absurd. */
const lengths = [
  "0000",
  "0001",
  "0002",
  "0003",
  "0004",
  "0005",
  "fff0",
  "fff1",
  "ffff",
  "FFF0",
  "zzzz",
  "-001",
  " 004",
] as const;

const mutations: readonly [Mutation, ...Mutation[]] = [
  (bytes, random) => bytes.subarray(0, place(bytes, random)),
  (bytes, random) => bytes.subarray(place(bytes, random)),
  (bytes, random) => {
    const changed = Buffer.from(bytes);
    if (changed.length > 0) changed[random.below(changed.length)] = random.below(256);
    return changed;
  },
  (bytes, random) => insert(bytes, place(bytes, random), random.bytes(1 + random.below(40))),
  (bytes, random) => {
    const from = place(bytes, random);
    return Buffer.concat([
      bytes.subarray(0, from),
      bytes.subarray(Math.min(bytes.length, from + 1 + random.below(60))),
    ]);
  },
  (bytes, random) => {
    const at = random.pick(packetPlaces(bytes));
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(lengths)), bytes.subarray(at + 4)]);
  },
  (bytes, random) => insert(bytes, random.pick(packetPlaces(bytes)), packets(random.pick(vocabulary))),
  (bytes, random) => {
    const line = random.pick(vocabulary);
    return insert(
      bytes,
      random.pick(packetPlaces(bytes)),
      packets(...Array.from({ length: random.below(50) }, () => line)),
    );
  },
  (bytes, random) => {
    const other = random.pick(transcripts).bytes;
    const from = bytes.subarray(0, random.pick(packetPlaces(bytes)));
    return Buffer.concat([from, other.subarray(random.pick(packetPlaces(other)))]);
  },
  (bytes, random) =>
    insert(bytes, random.pick(packetPlaces(bytes)), packets("x".repeat(random.below(65_516)))),
];

/** Breaks a conversation in one to four ways. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let broken = bytes;
  for (let count = 1 + random.below(4); count > 0; count--) broken = random.pick(mutations)(broken, random);
  return broken;
}
