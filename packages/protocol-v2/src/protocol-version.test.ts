import { expect, it } from "vitest";
import { parseProtocolVersion } from "./protocol-version.ts";

it.each([
  [undefined, 0],
  ["", 0],
  ["version=1", 1],
  ["version=2", 2],
  ["version=3", 0],
  ["version=2:version=1", 2],
  ["version=1:version=2", 2],
  ["foo:version=2:bar=1", 2],
  ["version=22", 0],
  ["xversion=2", 0],
])("%s is version %i", (text, version) => {
  expect(parseProtocolVersion(text)).toBe(version);
});
