import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fsckObject } from "../fsck/session.ts";
import { encodeCommit, parseCommit, readCommitLinks } from "./commit.ts";
import { encodeTag, parseTag, readTagTarget } from "./tag.ts";
import { compareTreeEntries, encodeTree, isGitlinkMode, isTreeMode, parseTree, walkTree } from "./tree.ts";

const code = (code: string) => expect.objectContaining({ code });
const latin1 = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const A = "a".repeat(40);
const B = "0123456789".repeat(4);

describe("commits", () => {
  const signed = latin1(
    `tree ${A}\nparent ${B}\nparent ${A}\nauthor J\xf6rg <j@x> 1 +0000\ncommitter C <c> <c@x> 1700000000 -0100\n` +
      "encoding latin1\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----\n \nmergetag object x\n" +
      " type commit\nnovalue\nnovalue\n continued line\nempty \n\nsubject\n\nbody\0\xff",
  );

  it("keep unknown headers, signatures and encodings", () => {
    const commit = parseCommit(signed, "sha1");
    expect(commit.tree).toBe(A);
    expect(commit.parents).toEqual([B, A]);
    expect(commit.author).toBe("J\xf6rg <j@x> 1 +0000");
    expect(commit.headers.slice(0, 2)).toEqual([
      { name: "encoding", value: "latin1" },
      { name: "gpgsig", value: "-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n" },
    ]);
    expect(Buffer.from(commit.message!).toString("latin1")).toBe("subject\n\nbody\0\xff");
    expect(encodeCommit(commit)).toEqual(signed);
    expect(readCommitLinks(signed, "sha1")).toEqual({ tree: A, parents: [B, A], time: 1_700_000_000 });
  });

  it("tell a missing message from an empty one", () => {
    for (const text of [`tree ${A}\n`, `tree ${A}\n\n`, `tree ${A}\ncommitter x\n\n\n`]) {
      expect(encodeCommit(parseCommit(latin1(text), "sha1"))).toEqual(latin1(text));
    }
    expect(parseCommit(latin1(`tree ${A}\n`), "sha1").message).toBeUndefined();
    expect(parseCommit(latin1(`tree ${A}\n\n`), "sha1").message).toEqual(new Uint8Array(0));
  });

  it.each([
    ["", "PACK_BAD_OBJECT"],
    [`tree ${A}`, "PACK_BAD_OBJECT"],
    [`tree ${A.slice(1)}\n`, "PACK_BAD_OBJECT"],
    [`tree ${A}a\n`, "PACK_BAD_OBJECT"],
    [`tree ${A.toUpperCase()}\n`, "PACK_BAD_OBJECT"],
    [`parent ${A}\ntree ${A}\n`, "PACK_BAD_OBJECT"],
    [`tree ${A}\nparent ${A.slice(1)}\n`, "PACK_BAD_OBJECT"],
  ])("refuse %j", (text, expected) => {
    expect(() => parseCommit(latin1(text), "sha1")).toThrow(code(expected));
    expect(() => readCommitLinks(latin1(text), "sha1")).toThrow(code(expected));
  });

  it("have time 0 where none can be read", () => {
    for (const lines of [
      "",
      "author x\n",
      "committer x <y> 5 +0000\n",
      "author x\ncommitter y\n",
      "author x\ncommitter <> x\n",
    ]) {
      expect(readCommitLinks(latin1(`tree ${A}\n${lines}\n`), "sha1").time).toBe(0);
    }
    const huge = `tree ${A}\nauthor x\ncommitter <> ${"9".repeat(400)}\n`;
    expect(readCommitLinks(latin1(huge), "sha1").time).toBe(0);
  });
});

describe("trees", () => {
  const modes = fc.constantFrom(0o100644, 0o100755, 0o040000, 0o120000, 0o160000, 0o100664, 0);
  const entries = fc.array(
    fc.record({
      mode: modes,
      name: fc.uint8Array({ minLength: 1, maxLength: 12 }).map((name) => name.map((byte) => byte || 1)),
      oid: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString("hex")),
      padding: fc.nat(2),
    }),
    { maxLength: 8 },
  );

  it("come back byte for byte, odd modes included", () => {
    fc.assert(
      fc.property(entries, fc.constantFrom("sha1" as const, "sha256" as const), (list, format) => {
        const tree = list.map(({ mode, name, oid, padding }) => ({
          mode,
          name,
          oid: format === "sha1" ? oid.slice(0, 40) : oid,
          ...(padding > 0 && { modeText: "0".repeat(padding) + mode.toString(8) }),
        }));
        const bytes = encodeTree(tree, format);
        expect(parseTree(bytes, format)).toEqual(tree);
        expect(encodeTree(parseTree(bytes, format), format)).toEqual(bytes);
      }),
    );
  });

  it("are sorted with subtrees as if they ended in a slash", () => {
    const entry = (mode: number, name: string) => ({ mode, name: latin1(name) });
    const sorted = [
      entry(0o100644, "a"),
      entry(0o100644, "a-"),
      entry(0o040000, "a"),
      entry(0o100644, "a0"),
      entry(0o100644, "b"),
    ];
    expect(sorted.toReversed().sort(compareTreeEntries)).toEqual(sorted);
    expect(compareTreeEntries(sorted[0]!, sorted[0]!)).toBe(0);
  });

  it("refuse what is not entries", () => {
    const good = encodeTree([{ mode: 0o100644, name: latin1("name"), oid: A }], "sha1");
    for (let end = 1; end < good.length; end++) {
      expect(() => walkTree(good.subarray(0, end), "sha1", () => {})).toThrow(code("PACK_BAD_OBJECT"));
    }
    for (const text of [" name\0", "100644 \0", "x name\0", "100648 name\0"]) {
      const bytes = latin1(text + "x".repeat(20));
      expect(() => parseTree(bytes, "sha1")).toThrow(code("PACK_BAD_OBJECT"));
    }
    expect(() => encodeTree([{ mode: 1, name: latin1("n"), oid: A }], "sha256")).toThrow(
      code("PACK_BAD_OID"),
    );
  });

  it("know subtrees and gitlinks by their modes", () => {
    expect([isTreeMode(0o040000), isTreeMode(0o040755), isTreeMode(0o100644), isTreeMode(0o160000)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([isGitlinkMode(0o160000), isGitlinkMode(0o040000)]).toEqual([true, false]);
  });
});

describe("tags", () => {
  it("keep everything, with and without a tagger", () => {
    for (const text of [
      `object ${A}\ntype commit\ntag v1\ntagger T <t@x> 1 +0000\n\nmessage\n-----BEGIN PGP SIGNATURE-----\n`,
      `object ${A}\ntype tree\ntag v0.99\n\n`,
      `object ${A}\ntype tag\ntag x y\nextra header\n more\n`,
    ]) {
      const tag = parseTag(latin1(text), "sha1");
      expect(tag.object).toBe(A);
      expect(encodeTag(tag)).toEqual(latin1(text));
      expect(readTagTarget(latin1(text), "sha1")).toEqual({ oid: A, type: tag.type });
    }
  });

  it.each([
    "",
    `object ${A}\n`,
    `object ${A}\ntype comet\ntag x\n`,
    `object ${A}x\ntype tag\ntag x\n`,
    `type tag\nobject ${A}\n`,
  ])("refuse %j", (text) => {
    expect(() => parseTag(latin1(text), "sha1")).toThrow(code("PACK_BAD_OBJECT"));
    expect(() => readTagTarget(latin1(text), "sha1")).toThrow(code("PACK_BAD_OBJECT"));
  });

  it("refuse a missing name only where it is asked for", () => {
    const text = latin1(`object ${A}\ntype blob\n\n`);
    expect(() => parseTag(text, "sha1")).toThrow(code("PACK_BAD_OBJECT"));
    expect(readTagTarget(text, "sha1")).toEqual({ oid: A, type: "blob" });
  });
});

describe("random bytes", () => {
  const lines = fc.array(
    fc.oneof(
      fc.constantFrom(
        `tree ${A}`,
        `parent ${B}`,
        "author A <a> 1 +0000",
        "committer C <c> 2 +0000",
        `object ${A}`,
      ),
      fc.constantFrom("type commit", "tag v1", "tagger T <t> 3 +0000", "", " more", "gpgsig x", "name", " "),
      fc.string({ unit: "binary-ascii", maxLength: 10 }),
    ),
    { maxLength: 12 },
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    lines.map((all) => latin1(all.join("\n"))),
  );
  const front = fc.constantFrom("", `tree ${A}\n`, `object ${A}\ntype tag\ntag x\n`, "100644 a\0");

  it("parse and come back, or give a typed error", () => {
    fc.assert(
      fc.property(front, bytes, (start, rest) => {
        const input = new Uint8Array(Buffer.concat([latin1(start), rest]));
        const attempts: (() => Uint8Array | undefined)[] = [
          () => encodeCommit(parseCommit(input, "sha1")),
          () => encodeTree(parseTree(input, "sha1"), "sha1"),
          () => encodeTag(parseTag(input, "sha1")),
          () => void readCommitLinks(input, "sha1"),
          () => void readTagTarget(input, "sha1"),
        ];
        for (const attempt of attempts) {
          let output: Uint8Array | undefined;
          try {
            output = attempt();
          } catch (error) {
            expect(error).toEqual(code("PACK_BAD_OBJECT"));
          }
          if (output !== undefined) expect(output).toEqual(input);
        }
        for (const type of ["commit", "tree", "blob", "tag"] as const) fsckObject(type, input, "sha1");
      }),
      { numRuns: 1000 },
    );
  });
});
