import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createHasher, createObjectHasher, hashObject } from "./hash.ts";

describe.each(["sha1", "sha256"] as const)("hashing in %s", (format) => {
  it.each([0, 1, 100, 65_535, 65_536, 65_537, 300_000])(
    "gives an object of %d bytes one id either way",
    (size) => {
      const content = new Uint8Array(size).map((_, i) => (i * 31) >> 3);
      const wanted = new Uint8Array(createHash(format).update(`blob ${size}\0`).update(content).digest());
      expect(hashObject(format, "blob", content)).toEqual(wanted);
      const hasher = createObjectHasher(format, "blob", size);
      hasher.update(content.subarray(0, size >> 1));
      hasher.update(content.subarray(size >> 1));
      expect(hasher.digest()).toEqual(wanted);
    },
  );

  it("hands out digests of their own", () => {
    const first = hashObject(format, "tree", new Uint8Array(0));
    const copy = first.slice();
    hashObject(format, "blob", Uint8Array.of(1));
    expect(first).toEqual(copy);
    expect(createHasher(format).digest()).toEqual(new Uint8Array(createHash(format).digest()));
  });
});
