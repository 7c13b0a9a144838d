import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { SHAMBLES, SHATTERED } from "@millrace/git-lab/collisions";
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

describe("looking for collisions", () => {
  it("gives the ids that git gives, whatever else is hashed meanwhile", () => {
    const content = new Uint8Array(200_000).map((_, i) => (i * i) >> 7);
    const hashers = [1000, 64, 1].map((step) => ({
      step,
      hasher: createObjectHasher("sha1", "blob", content.length, { detectCollisions: true }),
    }));
    for (let at = 0; at < content.length; at += 1000) {
      for (const { hasher, step } of hashers) {
        for (let i = 0; i < 1000; i += step)
          hasher.update(content.subarray(at + i, at + Math.min(1000, i + step)));
      }
    }
    const wanted = hashObject("sha1", "blob", content);
    for (const { hasher } of hashers) expect(hasher.digest()).toEqual(wanted);
    const sha256 = createObjectHasher("sha256", "blob", content.length, { detectCollisions: true });
    sha256.update(content);
    expect(sha256.digest()).toEqual(hashObject("sha256", "blob", content));
  });

  it.each([SHATTERED, SHAMBLES])(
    "refuses an attacked stream in git's words: $name",
    ({ messages, digest }) => {
      for (const message of messages) {
        const hasher = createHasher("sha1", { detectCollisions: true });
        hasher.update(message.subarray(0, 100));
        hasher.update(message.subarray(100));
        const refusal = expect.objectContaining({
          code: "PACK_COLLISION",
          oid: digest,
          message: `SHA-1 appears to be part of a collision attack: ${digest}`,
        });
        expect(() => hasher.digest()).toThrow(refusal);
        expect(Buffer.from(createHash("sha1").update(message).digest()).toString("hex")).toBe(digest);
      }
    },
  );
});
