import fc from "fast-check";
import { expect, it } from "vitest";
import { createFsckSession, fsckObject } from "../fsck/session.ts";
import type { LinkFragment } from "../graph/link-fragment.ts";
import { LINKS_TREE_BY_BASE } from "../graph/link-fragment.ts";
import { createLinkWriter } from "../graph/link-writer.ts";
import { findTreeEntries } from "../graph/tree-entries.ts";
import { compareTreeEntries, encodeTree, type TreeEntry } from "../object/tree.ts";
import type { ObjectFormat } from "../schema.ts";
import { LinkOutput, type ScannedTree } from "./link-output.ts";
import { MAX_RANGES, returnWorkspace, takeWorkspace } from "./workspace.ts";

const MODES = [0o100644, 0o100644, 0o100755, 0o40000, 0o40000, 0o120000, 0o160000];

/** Entries as they are in most trees, and now and then an odd one. */
function entryOf(format: ObjectFormat): fc.Arbitrary<TreeEntry> {
  const name = fc.oneof(
    { weight: 8, arbitrary: fc.stringMatching(/^[ab][a-c.-]{0,5}$/) },
    fc.constantFrom(".git", ".gitmodules", "a/b", "..", "x\\y", "git~1", "\u200c.git", ".gitignore"),
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        ".gitattributes",
        ".gitmodules",
        ".gitignore",
        ".mailmap",
        ".github",
        ".a",
        ".",
      ),
    },
    fc.constantFrom(
      ".GIT",
      ".gItmodules",
      ".g\u200cit",
      ".gitmodules .",
      ".gitattributes\ufeff",
      ".gitignor",
    ),
  );
  const digit = format === "sha1" ? 40 : 64;
  return fc.record({
    mode: fc.oneof({ weight: 30, arbitrary: fc.constantFrom(...MODES) }, fc.constant(0o100664)),
    name: name.map((text) => new TextEncoder().encode(text)),
    oid: fc.oneof(
      {
        weight: 30,
        arbitrary: fc.integer({ min: 1, max: 0xffff }).map((n) => n.toString(16).padStart(digit, "7")),
      },
      fc.constant("0".repeat(digit)),
    ),
    modeText: fc.oneof({ weight: 60, arbitrary: fc.constant(undefined) }, fc.constant("0100644")),
  });
}

const treeOf = (format: ObjectFormat): fc.Arbitrary<TreeEntry[]> =>
  fc
    .tuple(
      fc.uniqueArray(entryOf(format), {
        maxLength: 40,
        selector: ({ name, mode }) => `${new TextDecoder().decode(name)}${(mode & 0o40000) !== 0}`,
      }),
      fc.integer({ min: 0, max: 9 }),
    )
    .map(([entries, odd]) => (odd === 0 ? entries : entries.toSorted(compareTreeEntries)));

/** A delta that copies what two byte strings have in common, in pieces that know nothing of entries. */
function deltaOf(base: Uint8Array, target: Uint8Array, cut: number): Uint8Array {
  const out: number[] = [];
  const size = (value: number): void => {
    let rest = value;
    for (; rest > 127; rest >>>= 7) out.push((rest & 127) | 128);
    out.push(rest);
  };
  size(base.length);
  size(target.length);
  const literal: number[] = [];
  const flush = (): void => {
    while (literal.length > 0) {
      const piece = literal.splice(0, 100);
      out.push(piece.length, ...piece);
    }
  };
  const text = Buffer.from(base);
  for (let at = 0; at < target.length; ) {
    const from = text.indexOf(target.subarray(at, at + cut));
    if (from < 0 || at + cut > target.length) {
      literal.push(target[at++]!);
      continue;
    }
    let length = cut;
    while (length < 60_000 && at + length < target.length && base[from + length] === target[at + length])
      length++;
    flush();
    out.push(
      0x80 | 0x0f | 0x30,
      from & 255,
      (from >> 8) & 255,
      (from >> 16) & 255,
      0,
      length & 255,
      length >> 8,
    );
    at += length;
  }
  flush();
  return Uint8Array.from(out);
}

/** The links of one tree, runs of its base put in. */
function expand(fragment: LinkFragment, base: LinkFragment | undefined, idBytes: number): string[] {
  const links: string[] = [];
  const baseLinks = base === undefined ? [] : expand(base, undefined, idBytes);
  const isByBase = fragment.words[1] === LINKS_TREE_BY_BASE;
  let id = 0;
  for (let at = isByBase ? 4 : 3; at < 3 + fragment.words[2]!; at++) {
    const word = fragment.words[at]!;
    if (word >= 0x80000000) {
      const first = fragment.words[++at]!;
      links.push(...baseLinks.slice(first, first + (word & 0x7fffffff)));
    } else {
      const end = word === 0 ? id : id + idBytes;
      links.push(`${word} ${Buffer.from(fragment.oids.subarray(id, end)).toString("hex")}`);
      id = end;
    }
  }
  return links;
}

it.each(["sha1", "sha256"] as const)("scans trees as the plain readers do, %s", (format) => {
  const idBytes = format === "sha1" ? 20 : 32;
  const workspace = takeWorkspace();
  const { kernel } = workspace;
  const idAt = (address: number): string =>
    Buffer.from(kernel.bytes.subarray(address, address + idBytes)).toString("hex");
  /** The blobs to be read that the object checks find, and those that the scan tells of. */
  const namedBy = (tree: Uint8Array): string[] => {
    const session = createFsckSession(format);
    session.check("tree", tree);
    const { gitattributes, gitmodules } = session.pending();
    return [...gitattributes.map((oid) => `attributes ${oid}`), ...gitmodules.map((oid) => `modules ${oid}`)];
  };
  const namedIn = ({ attributesAt, modulesAt }: ScannedTree): string[] => [
    ...(attributesAt > 0 ? [`attributes ${idAt(attributesAt)}`] : []),
    ...(modulesAt > 0 ? [`modules ${idAt(modulesAt)}`] : []),
  ];
  let byBase = 0;
  let unremarkable = 0;
  let named = 0;
  try {
    fc.assert(
      fc.property(
        treeOf(format),
        treeOf(format),
        fc.integer({ min: 3, max: 30 }),
        fc.nat(),
        (first, other, cut, mix) => {
          // The second tree has most entries of the first, and some of its own.
          const second = [
            ...first.filter((_, i) => ((mix >> (i % 30)) & 3) !== 3),
            ...other
              .filter((entry) => !first.some(({ name }) => Buffer.compare(name, entry.name) === 0))
              .slice(0, mix % 4),
          ].sort(compareTreeEntries);
          const base = encodeTree(first, format);
          const target = encodeTree(second, format);
          const delta = deltaOf(base, target, cut);
          const at = workspace.heap + 64;
          const starts = at + 32 * 1024;
          const result = starts + 32 * 1024;
          const resultStarts = result + 32 * 1024;
          kernel.ensure(resultStarts + 32 * 1024);

          const fragments: LinkFragment[] = [];
          const output = new LinkOutput(workspace, format, (fragment) => fragments.push(fragment));
          kernel.bytes.set(base, at);
          const plain = { ...output.scanTree(1, at, base.length, starts, true) };
          output.finish();
          const read = findTreeEntries(base, format);
          expect(plain.count).toBe(read.count);
          expect([...kernel.words.subarray(starts >>> 2, (starts >>> 2) + plain.count + 1)]).toEqual([
            ...read.starts.subarray(0, read.count + 1),
          ]);
          if (!plain.isRemarkable) {
            expect(fsckObject("tree", base, format)).toEqual([]);
            expect(namedIn(plain)).toEqual(namedBy(base));
            named += namedBy(base).length;
          }
          const namedInBase = namedBy(base);
          const writer = createLinkWriter(format);
          writer.write(1, "tree", base);
          expect(fragments[0]).toEqual(writer.take());

          kernel.bytes.set(delta, workspace.delta);
          const made = kernel.applyDeltaTracked(
            at,
            base.length,
            workspace.delta,
            delta.length,
            result,
            target.length,
            workspace.ranges,
            MAX_RANGES,
          );
          expect(made).toBe(target.length);
          const from = { entry: 1, starts, startCount: plain.count };
          const scanned = { ...output.scanTreeByBase(2, from, result, target.length, resultStarts) };
          output.finish();
          const again = findTreeEntries(target, format);
          expect(scanned.count).toBe(again.count);
          expect([
            ...kernel.words.subarray(resultStarts >>> 2, (resultStarts >>> 2) + scanned.count + 1),
          ]).toEqual([...again.starts.subarray(0, again.count + 1)]);
          writer.write(2, "tree", target);
          expect(expand(fragments[1]!, fragments[0], idBytes)).toEqual(
            expand(writer.take(), undefined, idBytes),
          );
          if (fragments[1]!.words.includes(0x80000001)) byBase++;
          // What a sound base has in common is not looked at again; the rest is.
          if (fsckObject("tree", base, format).length === 0 && !scanned.isRemarkable) {
            unremarkable++;
            expect(fsckObject("tree", target, format)).toEqual([]);
            const told = new Set([...namedInBase, ...namedIn(scanned)]);
            expect(namedBy(target).filter((blob) => !told.has(blob))).toEqual([]);
          }
        },
      ),
      { numRuns: 2000 },
    );
  } finally {
    returnWorkspace(workspace);
  }
  expect(byBase).toBeGreaterThan(50);
  expect(unremarkable).toBeGreaterThan(100);
  expect(named).toBeGreaterThan(20);
});

it("refuses what is no tree, as the plain reader does", () => {
  const workspace = takeWorkspace();
  const { kernel } = workspace;
  const tree = encodeTree(
    ["a", "b.c", "b"].map((name, i) => ({
      mode: i === 2 ? 0o40000 : 0o100644,
      name: new TextEncoder().encode(name),
      oid: "12".repeat(20),
    })),
    "sha1",
  );
  try {
    const at = workspace.heap + 64;
    fc.assert(
      fc.property(
        fc.nat(tree.length),
        fc.array(fc.tuple(fc.nat(tree.length - 1), fc.nat(255)), { maxLength: 2 }),
        (length, changes) => {
          const damaged = tree.slice();
          for (const [place, value] of changes) damaged[place] = value;
          const bytes = damaged.subarray(0, length);
          let isSound = true;
          try {
            findTreeEntries(bytes, "sha1");
          } catch {
            isSound = false;
          }
          // Stale bytes behind the tree must not count.
          kernel.bytes.fill(0x30, at, at + 200);
          kernel.bytes.set(bytes, at);
          const output = new LinkOutput(workspace, "sha1", undefined);
          const scanned = output.scanTree(0, at, bytes.length, at + 1024, true);
          expect(scanned.count >= 0).toBe(isSound);
          if (!scanned.isRemarkable) expect(fsckObject("tree", bytes, "sha1")).toEqual([]);
          const linked = new LinkOutput(workspace, "sha1", () => {});
          const scan = (): unknown => linked.scanTree(0, at, bytes.length, at + 1024, true);
          if (!isSound) expect(scan).toThrow(expect.objectContaining({ code: "PACK_BAD_OBJECT" }));
          else expect(scan).not.toThrow();
        },
      ),
      { numRuns: 2000 },
    );
  } finally {
    returnWorkspace(workspace);
  }
});
