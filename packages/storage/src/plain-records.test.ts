import fc from "fast-check";
import { expect, it } from "vitest";
import { countPlainRecords } from "./plain-records.ts";
import { checkRefName } from "./ref-name.ts";

const count = (text: string | Buffer): number => {
  const bytes = Buffer.concat([Buffer.from("behind"), Buffer.from(text), Buffer.from("before")]);
  return countPlainRecords(bytes, 6, bytes.length - 6, 40);
};
const A = "a".repeat(40);
const name = fc.string({
  unit: fc.constantFrom(
    "a",
    "/",
    ".",
    "..",
    "@",
    "{",
    ".lock",
    "lock",
    "~",
    " ",
    "*",
    "ü",
    "\u0001",
    "\u007f",
  ),
  minLength: 1,
  maxLength: 6,
});

it("agrees with checkRefName about names of ASCII, and leaves the others alone", () => {
  fc.assert(
    fc.property(fc.boolean(), name, (isBelow, end) => {
      const whole = isBelow ? `refs/${end}` : end;
      const isPlain = checkRefName(whole) && /^[\0-\u007f]*$/.test(whole);
      expect(count(`${A} ${whole}\n`)).toBe(isPlain ? 1 : -1);
    }),
    { numRuns: 2000 },
  );
});

it("counts records, peeled lines apart", () => {
  const record = fc
    .tuple(fc.nat(99), fc.boolean())
    .map(([n, isTag]) => `${A} refs/x${n}\n${isTag ? `^${A}\n` : ""}`);
  fc.assert(
    fc.property(fc.array(record), (records) => {
      expect(count(records.join(""))).toBe(records.length);
    }),
  );
});

it("finds any damage", () => {
  const good = `${A} refs/heads/a\n${A} refs/tags/v\n^${A}\n`;
  for (let at = 0; at < good.length; at++) {
    for (const byte of ["\n", " ", "^", "G", "\u0000", "\u00ff"]) {
      if (good[at] === byte || (byte === "G" && /[a-z]/.test(good[at]!) && good[at] !== "a")) continue;
      const bad = Buffer.from(good.slice(0, at) + byte + good.slice(at + 1), "latin1");
      if (byte === "G" && checkRefName("refs/heads/G") && count(bad) === 2) continue;
      expect(count(bad), `${byte} at ${at}`).toBe(-1);
    }
    if (at > 0 && at !== A.length + 14 && at !== good.length - A.length - 2)
      expect(count(good.slice(0, at))).toBe(-1);
  }
  expect(count(`${A} refs/${"x".repeat(5000)}\n`)).toBe(-1);
});
