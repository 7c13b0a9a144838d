import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseLfsPointer } from "./lfs-pointer.ts";

const version = "version https://git-lfs.github.com/spec/v1";
const oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
const pointer = (...lines: readonly string[]): Uint8Array => Buffer.from(`${lines.join("\n")}\n`);

describe("a pointer of git-lfs", () => {
  it("tells the file's hash and size", () => {
    const plain = pointer(version, `oid sha256:${oid}`, "size 12345");
    expect(parseLfsPointer(plain)).toEqual({ oid, sizeBytes: 12345 });
    const extended = pointer(version, `ext-0-foo sha256:${oid}`, `oid sha256:${oid}`, "size 0");
    expect(parseLfsPointer(extended)).toEqual({ oid, sizeBytes: 0 });
  });

  it.each([
    ["another version", pointer("version https://git-lfs.github.com/spec/v2", `oid sha256:${oid}`, "size 1")],
    ["no line feed at its end", pointer(version, `oid sha256:${oid}`, "size 1").subarray(0, -1)],
    ["keys out of order", pointer(version, "size 1", `oid sha256:${oid}`)],
    ["a key twice", pointer(version, `oid sha256:${oid}`, "size 1", "size 1")],
    ["an unknown key", pointer(version, `oid sha256:${oid}`, "size 1", "zone 1")],
    ["a hash in capitals", pointer(version, `oid sha256:${oid.toUpperCase()}`, "size 1")],
    ["another hash function", pointer(version, `oid sha1:${oid}`, "size 1")],
    ["a size below nothing", pointer(version, `oid sha256:${oid}`, "size -1")],
    ["no size", pointer(version, `oid sha256:${oid}`)],
    ["carriage returns", Buffer.from(`${version}\r\noid sha256:${oid}\r\nsize 1\r\n`)],
    ["more bytes than one has", Buffer.concat([pointer(version), Buffer.alloc(1024, "x")])],
    ["nothing", new Uint8Array(0)],
  ])("is none with %s", (_, content) => {
    expect(parseLfsPointer(content)).toBeUndefined();
  });

  it("is looked for in any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (rest) => {
        parseLfsPointer(Buffer.concat([pointer(version), rest]));
      }),
    );
  });
});
