import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { roomOf } from "../stream/targets.ts";
import { createPackOutput } from "./pack-output.ts";

const pieces = fc.array(fc.tuple(fc.uint8Array({ maxLength: 200 }), fc.boolean()), { maxLength: 30 });
/** Sizes of the places given at one time; none of them may be all there is. */
const rooms = fc
  .array(fc.array(fc.nat(150), { maxLength: 5 }), { minLength: 1, maxLength: 4 })
  .filter((sizes) => sizes.some((places) => places.some((size) => size > 0)));

it("fills places of any size and ends in the hash over everything", () => {
  fc.assert(
    fc.property(pieces, rooms, fc.constantFrom("sha1", "sha256"), (parts, sizes, format) => {
      const output = createPackOutput(format);
      const out: Uint8Array[] = [];
      let given: Uint8Array[] = [];
      let turn = 0;
      const makeRoom = (): void => {
        while (output.isFull) {
          out.push(...given);
          given = sizes[turn++ % sizes.length]!.map((size) => new Uint8Array(size));
          output.begin(given);
        }
      };
      for (const [part, byHand] of parts) {
        if (byHand) {
          for (let at = 0; at < part.length; ) {
            makeRoom();
            let filled = 0;
            for (const place of output.freePlaces(part.length - at)) {
              place.set(part.subarray(at + filled, at + filled + place.length));
              filled += place.length;
            }
            output.advance(filled);
            at += filled;
          }
        } else {
          output.append(Buffer.concat([Buffer.from("xx"), part, Buffer.from("y")]), 2, 2 + part.length);
        }
        makeRoom();
      }
      makeRoom();
      output.finish();
      while (output.isFull) makeRoom();
      for (let left = output.filledBytes; left > 0; left -= given.shift()!.length) {
        out.push(given[0]!.subarray(0, left));
      }
      const body = Buffer.concat(parts.map(([part]) => part));
      const expected = Buffer.concat([body, createHash(format).update(body).digest()]);
      expect(Buffer.compare(Buffer.concat(out), expected)).toBe(0);
      expect(output.position).toBe(expected.length);
      expect(roomOf(out)).toBe(expected.length);
    }),
  );
});
