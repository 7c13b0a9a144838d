import { MAX_PACKET_BYTES, writeLength } from "@millrace/pktline";

/**
 * How it is told what a tag points to: not at all, as an attribute of the ref (gitprotocol-v2, "ls-refs"), or in a line of
 * its own (gitprotocol-pack, "Reference Discovery").
 */
export type PeeledForm = "none" | "attribute" | "line";

/** How far the encoding has come in the lines and in the target. */
export interface EncodingPlace {
  from: number;
  at: number;
}

const LF = 10;
const SPACE = 32;
const CARET = 94;
const LENGTH_DIGITS = 4;
const ATTRIBUTE = Buffer.from(" peeled:");
const SUFFIX = Buffer.from("^{}");

/**
 * Turns lines of `packed-refs`, as a host's `RefLines` have them, into pkt-lines, from `place` on; stops before the ref
 * that finds no room in `target`. Throws `RangeError` for one that no packet can hold.
 */
export function encodeRefLines(lines: Buffer, target: Buffer, place: EncodingPlace, form: PeeledForm): void {
  const idLength = lines.indexOf(SPACE, place.from) - place.from;
  /** Everything that may come to a line beside what it has. */
  const extra = LENGTH_DIGITS + 1 + (form === "none" ? 0 : ATTRIBUTE.length + idLength);
  let { from, at } = place;
  while (from < lines.length) {
    const end = lines.indexOf(LF, from + idLength);
    const isTag = lines[end + 1] === CARET;
    const length = end - from;
    if (length + extra > MAX_PACKET_BYTES) throw new RangeError("a ref's name is too long for a packet");
    const needed = isTag && form === "line" ? 2 * (length + extra) : length + extra;
    if (at + needed > target.length) break;
    let to = at + LENGTH_DIGITS;
    to += lines.copy(target, to, from, end);
    if (isTag && form === "attribute") {
      to += ATTRIBUTE.copy(target, to);
      to += lines.copy(target, to, end + 2, end + 2 + idLength);
    }
    at = endPacket(target, at, to);
    if (isTag && form === "line") {
      to = at + LENGTH_DIGITS;
      to += lines.copy(target, to, end + 2, end + 2 + idLength);
      to += lines.copy(target, to, from + idLength, end);
      to += SUFFIX.copy(target, to);
      at = endPacket(target, at, to);
    }
    from = end + 1 + (isTag ? idLength + 2 : 0);
  }
  place.from = from;
  place.at = at;
}

/** Puts a line feed at `to` and the digits at `at`; answers where the next packet goes. */
function endPacket(target: Uint8Array, at: number, to: number): number {
  target[to] = LF;
  writeLength(to + 1 - at, target, at);
  return to + 1;
}
