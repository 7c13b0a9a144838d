import { describe, expect, it } from "vitest";
import { booleanValue, integerValue } from "./config-values.ts";

const config = (value: string): ReadonlyMap<string, readonly string[]> =>
  new Map([["a.b", ["ignored", value]]]);

describe("values as git-config has them", () => {
  it.each([
    ["", true],
    ["true", true],
    ["YES", true],
    ["on", true],
    ["1", true],
    ["2k", true],
    ["false", false],
    ["No", false],
    ["off", false],
    ["0", false],
    ["maybe", undefined],
  ])("reads %j as the boolean %s", (value, expected) => {
    expect(booleanValue(config(value), "a.b")).toBe(expected);
  });

  it.each([
    ["10", 10],
    ["-3", -3],
    ["2k", 2048],
    ["1M", 1_048_576],
    ["3g", 3_221_225_472],
    ["1.5k", undefined],
    ["99999999999g", undefined],
    ["x", undefined],
  ])("reads %j as the integer %s", (value, expected) => {
    expect(integerValue(config(value), "a.b")).toBe(expected);
  });

  it("knows nothing of what is not there", () => {
    expect(booleanValue(new Map(), "a.b")).toBeUndefined();
    expect(integerValue(new Map(), "a.b")).toBeUndefined();
  });
});
