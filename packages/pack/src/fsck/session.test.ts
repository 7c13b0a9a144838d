import { describe, expect, it } from "vitest";
import { encodeTree } from "../object/tree.ts";
import { FSCK_SEVERITIES } from "./finding.ts";
import { createFsckSession, fsckObject } from "./session.ts";

const latin1 = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const A = "a".repeat(40);
const B = "b".repeat(40);

function treeWith(name: string, oid: string): Uint8Array {
  return encodeTree([{ mode: 0o100644, name: latin1(name), oid }], "sha1");
}

describe("fsckObject", () => {
  it("gives git's id, severity and text", () => {
    const commit = latin1(`tree ${A}\nauthor A 1 +0000\ncommitter C <c> 1 +0000\n\n`);
    expect(fsckObject("commit", commit, "sha1")).toEqual([
      { id: "missingEmail", severity: "error", message: "invalid author/committer line - missing email" },
    ]);
    expect(FSCK_SEVERITIES.get("hasDotgit")).toBe("warn");
  });

  it("has nothing to say of blobs", () => {
    expect(fsckObject("blob", latin1("\0"), "sha1")).toEqual([]);
  });
});

describe("createFsckSession", () => {
  it("reads each special blob once, in the end", async () => {
    const session = createFsckSession("sha1");
    session.check("tree", treeWith(".gitmodules", A));
    session.check("tree", treeWith(".GitModules", A));
    session.check("tree", treeWith(".gitattributes", B));
    session.check("tree", treeWith("gitmodules", B));
    expect(session.pendingBlobs).toBe(2);
    const asked: string[] = [];
    const found = await session.finish(async (oid) => {
      asked.push(oid);
      return oid === A ? { type: "blob", content: latin1('[submodule "a"]\nurl=-x') } : undefined;
    });
    expect(asked).toEqual([A, B]);
    expect(found.map(({ id, oid }) => [id, oid])).toEqual([
      ["gitmodulesUrl", A],
      ["gitattributesMissing", B],
    ]);
  });

  it("reports blobs that are too large to hold", async () => {
    const session = createFsckSession("sha1");
    session.check("tree", treeWith(".gitmodules", A));
    session.check("tree", treeWith(".gitattributes", A));
    const found = await session.finish(async () => ({ type: "blob", content: undefined }));
    expect(found.map(({ id }) => id)).toEqual(["gitmodulesLarge", "gitattributesLarge"]);
  });

  it("stops with the signal's reason", async () => {
    const session = createFsckSession("sha1");
    session.check("tree", treeWith(".gitmodules", A));
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await expect(session.finish(async () => undefined, { signal })).rejects.toBe(reason);
  });
});
