import { describe, expect, it } from "vitest";
import { createConfig, type RepositoryConfig } from "./config.ts";
import { booleanValue, integerValue } from "./config-values.ts";

const config = (value: string): RepositoryConfig =>
  createConfig([
    { key: "a.b", value: "ignored" },
    { key: "a.b", value },
  ]);

describe("values as git-config has them", () => {
  it.each([
    ["", false],
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
    ["0x10", 16],
    ["010", 8],
  ])("reads %j as the integer %s", (value, expected) => {
    expect(integerValue(config(value), "a.b")).toBe(expected);
  });

  it.each(["1.5k", "99999999999g", "x", "08"])("refuses %j as an integer", (value) => {
    expect(() => integerValue(config(value), "a.b")).toThrowError(
      expect.objectContaining({ code: "STORAGE_CORRUPT", key: "a.b" }),
    );
  });

  it("knows nothing of what is not there", () => {
    expect(booleanValue(createConfig([]), "a.b")).toBeUndefined();
    expect(integerValue(createConfig([]), "a.b")).toBeUndefined();
  });
});
