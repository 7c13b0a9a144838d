import { createConfig } from "@millrace/storage";
import { describe, expect, it } from "vitest";
import { readUploadPackRules } from "./upload-pack-rules.ts";

const rules = (entries: Record<string, string>, borrows = false) =>
  readUploadPackRules(createConfig(Object.entries(entries).map(([key, value]) => ({ key, value }))), borrows);

describe("readUploadPackRules", () => {
  it("allows filters and nothing else that git does not allow by default", () => {
    expect(rules({})).toMatchObject({
      filters: true,
      refInWant: false,
      sidebandAll: false,
      wants: "any",
      reachableOnly: false,
      sessionId: undefined,
    });
    expect(rules({ "uploadpack.allowfilter": "false" })).toMatchObject({
      filters: false,
      wants: "advertised",
    });
  });

  it("demands reachability where objects are borrowed", () => {
    expect(rules({}, true)).toMatchObject({ reachableOnly: true, wants: "reachable" });
    expect(rules({ "uploadpack.allowanysha1inwant": "true" }, true).reachableOnly).toBe(false);
  });

  it("refuses filters in git's words", () => {
    const strict = rules({
      "uploadpackfilter.allow": "false",
      "uploadpackfilter.tree.allow": "true",
      "uploadpackfilter.tree.maxdepth": "1",
    });
    expect(strict.refuseFilter({ kind: "blob:none" })).toBe(
      "git upload-pack: filter 'blob:none' not supported",
    );
    expect(strict.refuseFilter({ kind: "tree", depth: 1 })).toBeUndefined();
    expect(strict.refuseFilter({ kind: "tree", depth: 2 })).toBe(
      "git upload-pack: filter 'tree' not supported (maximum depth: 1, but got: 2)",
    );
  });

  it("reads what may be wanted", () => {
    expect(rules({ "uploadpack.allowtipsha1inwant": "true" }).wants).toBe("tips");
    expect(
      rules({ "uploadpack.allowreachablesha1inwant": "true", "uploadpack.allowtipsha1inwant": "true" }).wants,
    ).toBe("reachable");
    expect(rules({ "transfer.advertisesid": "true" }).sessionId).toMatch(/^millrace-/);
  });
});
