import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Oid } from "@millrace/pack";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ROOT } from "../../src/overlay/overlay-store.ts";
import type { LowerEntry, LowerTree, OverlayNode } from "../../src/overlay/row.ts";
import { BASE, bases, operations } from "./operations.ts";
import { BaseObjects, OverlayFiles } from "./overlay-files.ts";

const objects = new BaseObjects();
const tree = objects.add(BASE);

/** The tree that git would commit of all that shows. */
function committed(files: OverlayFiles, id: number = ROOT): Oid | undefined {
  const entries = new Map<string, LowerEntry>();
  for (const { name, node: nodeId, lower } of files.store.list(id)) {
    const node = nodeId === undefined ? undefined : files.store.node(nodeId);
    const { mode, oid } = node === undefined ? lower! : committedEntry(files, node);
    if (oid !== undefined) entries.set(name, { mode, oid });
  }
  return entries.size === 0 && id !== ROOT ? undefined : objects.tree(entries);
}

function committedEntry(files: OverlayFiles, node: OverlayNode): LowerEntry {
  switch (node.mode >> 12) {
    case 4:
      return { mode: 0o040755, oid: committed(files, node.id) };
    case 10:
      return { mode: 0o120777, oid: objects.blob(files.contentOf(node)) };
    case 8: {
      const mode = (node.mode & 0o100) === 0 ? 0o100644 : 0o100755;
      return { mode, oid: objects.blob(files.contentOf(node)) };
    }
    default:
      return { mode: node.mode, oid: undefined };
  }
}

/** Everything that shows, times and all. */
async function shown(files: OverlayFiles): Promise<string> {
  const times: string[] = [];
  const walk = (id: number): void => {
    for (const { name, node: nodeId } of files.store.list(id)) {
      const node = nodeId === undefined ? undefined : files.store.node(nodeId);
      times.push(JSON.stringify([name, node?.mtime, node?.ctime]));
      if (node?.parent !== undefined) walk(node.id);
    }
  };
  walk(ROOT);
  const own = times.filter((line) => line.includes("seconds"));
  return JSON.stringify([[...(await files.dump())], own]);
}

test("what shows stays as it is, whatever the base becomes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(operations, { maxLength: 25 }),
      fc.array(bases, { minLength: 1, maxLength: 3 }),
      fc.array(operations, { maxLength: 8 }),
      async (before, trees, after) => {
        const folder = mkdtempSync(join(tmpdir(), "overlay-"));
        const files = new OverlayFiles(folder, objects, tree);
        try {
          for (const step of before) await files.run(step);
          for (const base of [...trees, BASE]) {
            const newTree = objects.add(base);
            const expected = await shown(files);
            await files.store.reconcile(newTree, files.asSource());
            expect(await shown(files)).toBe(expected);
            expect(files.store.node(ROOT)?.oid).toBe(newTree);
            for (const step of after) await files.run(step);
          }
        } finally {
          await files.store.close();
          rmSync(folder, { recursive: true });
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("nothing is changed any more when all of it was committed, and no content is kept", async () => {
  const plain = operations.filter(({ kind }) => kind !== "link" && kind !== "fifo");
  await fc.assert(
    fc.asyncProperty(fc.array(plain, { maxLength: 30 }), async (steps) => {
      const folder = mkdtempSync(join(tmpdir(), "overlay-"));
      const files = new OverlayFiles(folder, objects, tree);
      try {
        for (const step of steps) await files.run(step);
        const expected = await shown(files);
        const commit = committed(files)!;
        await files.store.reconcile(commit, files.asSource());
        expect(await shown(files)).toBe(expected);
        const emptyDirectories = [...(await files.dump())].filter(
          ([path, line]) => line.includes('"directory"') && !isCommitted(commit, path.split("/")),
        );
        expect(files.store.statistics).toMatchObject({ changed: emptyDirectories.length, deleted: 0 });
        for (const { node } of files.store.list(ROOT))
          if (node !== undefined) expect(files.store.node(node)?.backing).toBeUndefined();
      } finally {
        await files.store.close();
        rmSync(folder, { recursive: true });
      }
    }),
    { numRuns: 60 },
  );
});

function isCommitted(root: Oid, path: readonly string[]): boolean {
  let entries: LowerTree | undefined = objects.trees.get(root);
  for (const name of path) {
    const entry = entries?.get(name);
    if (entry?.oid === undefined) return false;
    entries = objects.trees.get(entry.oid);
  }
  return true;
}

test("a soft reset over many changes keeps what was by few rows, and the way back drops them", async () => {
  const folder = mkdtempSync(join(tmpdir(), "overlay-"));
  const files = new OverlayFiles(folder, objects, tree);
  try {
    const wide = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`file${at}`, `text ${at}`]));
    const other = objects.add({ ...BASE, a: { folder: wide }, b: "another" });
    const expected = await shown(files);
    await files.store.reconcile(other, files.asSource());
    expect(await shown(files)).toBe(expected);
    expect(files.store.statistics).toMatchObject({ changed: 2, deleted: 0 });
    await files.store.reconcile(tree, files.asSource());
    expect(await shown(files)).toBe(expected);
    expect(files.store.statistics).toMatchObject({ changed: 0, deleted: 0 });
    expect([...files.store.list(ROOT)].every(({ node }) => node === undefined)).toBe(true);
  } finally {
    await files.store.close();
    rmSync(folder, { recursive: true });
  }
});

test("a content that changes while it is looked at is not given up", async () => {
  const folder = mkdtempSync(join(tmpdir(), "overlay-"));
  const files = new OverlayFiles(folder, objects, tree);
  try {
    const { id } = files.store.make(ROOT, "new", { mode: 0o100644 });
    files.store.contents.write(id, 0, Buffer.from("one"));
    const next = objects.add({ ...BASE, new: "one" });
    let asked = 0;
    await files.store.reconcile(next, {
      ...files.asSource(),
      compare: async (node, oid) => {
        const isSame = objects.blob(files.contentOf(node)) === oid;
        if (asked++ === 0) files.store.contents.write(id, 0, Buffer.from("two"));
        return await Promise.resolve(isSame ? "elsewhere" : "other");
      },
    });
    expect(asked).toBe(2);
    expect(files.contentOf(files.store.node(id)!)).toBe("two");
    expect(files.store.node(id)?.isChanged).toBe(true);
    expect(files.store.node(id)?.oid).toBeUndefined();
  } finally {
    await files.store.close();
    rmSync(folder, { recursive: true });
  }
});
