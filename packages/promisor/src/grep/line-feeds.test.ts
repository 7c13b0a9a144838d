import fc from "fast-check";
import { expect, it } from "vitest";
import { countLineFeeds } from "./line-feeds.ts";

it("line feeds are counted as they are, wherever the bytes lie in memory", () => {
  const byte = fc.constantFrom(0x0a, 0x0b, 0x09, 0x8a, 0x00, 0xff, 0x61);
  const bytes = fc.array(byte, { maxLength: 3000, size: "max" });
  fc.assert(
    fc.property(bytes, fc.nat(7), fc.nat(3000), fc.nat(3000), (content, offset, a, b) => {
      const all = Buffer.from(new Uint8Array(offset + content.length).buffer, offset);
      all.set(content);
      const [start, end] = [Math.min(a, b, content.length), Math.min(Math.max(a, b), content.length)];
      const expected = content.slice(start, end).filter((each) => each === 0x0a).length;
      expect(countLineFeeds(all, start, end)).toBe(expected);
    }),
  );
});
