import { describe, expect, it } from "vitest";
import { isLoopbackAddress } from "./http/peer.ts";
import { findRoute } from "./http/route.ts";
import { ListenAddress } from "./schema.ts";

describe("ListenAddress", () => {
  it.each([
    ["8080", { host: "127.0.0.1", port: 8080 }],
    [":8080", { host: "127.0.0.1", port: 8080 }],
    ["0.0.0.0:1", { host: "0.0.0.0", port: 1 }],
    ["[::1]:65535", { host: "::1", port: 65_535 }],
    ["localhost:0", { host: "localhost", port: 0 }],
    ["localhost:65536", undefined],
    ["localhost", undefined],
    ["::1:80", undefined],
    ["", undefined],
  ])("reads %j", (text, expected) => {
    const { data } = ListenAddress.safeParse(text);
    expect(data).toEqual(expected);
  });
});

describe("findRoute", () => {
  it.each([
    [
      "/a.git/info/refs?service=git-upload-pack",
      { kind: "info-refs", repository: "a.git", service: "git-upload-pack" },
    ],
    [
      "/team/a%20b.git/git-receive-pack",
      { kind: "rpc", repository: "team/a b.git", service: "git-receive-pack" },
    ],
    ["/a/info/refs", { kind: "info-refs", repository: "a", service: undefined }],
    ["/info/refs?service=git-upload-pack", undefined],
    ["/git-upload-pack", undefined],
    ["/a/../b/git-upload-pack", undefined],
    ["/a/%2E%2e/git-upload-pack", undefined],
    ["/a%2fb/git-upload-pack", undefined],
    ["/a%5cb/git-upload-pack", undefined],
    ["//a/git-upload-pack", undefined],
    ["/a/%zz/git-upload-pack", undefined],
    ["http://elsewhere/a/git-upload-pack", undefined],
  ])("takes %j apart", (target, expected) => {
    expect(findRoute(target)).toEqual(expected);
  });
});

describe("isLoopbackAddress", () => {
  it.each([
    ["127.0.0.1", true],
    ["127.9.9.9", true],
    ["::1", true],
    ["::ffff:127.0.0.1", true],
    ["10.0.0.1", false],
    ["::", false],
    ["localhost.example.com", false],
  ])("judges %s", (address, expected) => {
    expect(isLoopbackAddress(address)).toBe(expected);
  });
});
