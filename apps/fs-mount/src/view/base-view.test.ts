import { afterEach, describe, expect, test } from "vitest";
import { type Folder, link, MemorySource, run, SUBMODULE } from "../../test/support/memory-source.ts";
import { BaseView } from "./base-view.ts";
import type { ViewNode } from "./view.ts";

const sources: MemorySource[] = [];
afterEach(() => {
  for (const source of sources.splice(0)) source.end();
});

function show(folder: Folder, format: "sha1" | "sha256" = "sha1"): { view: BaseView; source: MemorySource } {
  const source = new MemorySource(format);
  sources.push(source);
  return { source, view: viewOf(source, source.folder(folder)) };
}

function viewOf(source: MemorySource, tree: string): BaseView {
  const gitFile = Buffer.from("gitdir: /somewhere\n");
  return new BaseView({ source, format: source.format, tree, mtimeSeconds: 1_700_000_000, gitFile });
}

async function at(view: BaseView, path: string): Promise<ViewNode> {
  let node: ViewNode = view.root;
  for (const name of path.split("/")) {
    const next = await view.lookup(node, name);
    if (next === undefined) throw new Error(`there is no ${path}`);
    view.retain(next.id);
    node = next;
  }
  return node;
}

async function textOf(view: BaseView, path: string): Promise<string> {
  const file = await view.open(await at(view, path));
  try {
    return Buffer.from(await file.read(0, 1 << 20)).toString();
  } finally {
    file.close();
  }
}

const SAMPLE: Folder = {
  README: "read me\n",
  "run.sh": run("#!/bin/sh\n"),
  link: link("src/main.c"),
  "other-link": link("README"),
  vendored: SUBMODULE,
  src: { "main.c": "int main;\n", deep: { er: "deeper\n" } },
  "na\xefve": "latin\n",
};

describe.each(["sha1", "sha256"] as const)("a base view of %s", (format) => {
  test("shows files, links, directories and submodules", async () => {
    const { view, source } = show(SAMPLE, format);
    const names = (await view.list(view.root)).map(({ name, kind }) => `${name} ${kind}`);
    expect(names.toSorted()).toEqual([
      ".git file",
      "README file",
      "link symlink",
      "na\xefve file",
      "other-link symlink",
      "run.sh executable",
      "src directory",
      "vendored directory",
    ]);
    expect(await textOf(view, "README")).toBe("read me\n");
    expect(await textOf(view, "na\xefve")).toBe("latin\n");
    expect(await textOf(view, "src/deep/er")).toBe("deeper\n");
    expect(await textOf(view, ".git")).toBe("gitdir: /somewhere\n");
    expect(await view.list(await at(view, "vendored"))).toEqual([]);
    expect(await view.readlink(await at(view, "link"))).toBe("src/main.c");
    expect(source.opened).toBe(0);
  });
});

test("refuses what cannot be done", async () => {
  const { view } = show(SAMPLE);
  const readme = await at(view, "README");
  expect(await view.lookup(view.root, "absent")).toBeUndefined();
  expect(() => view.lookup(readme, "below")).toThrow(expect.objectContaining({ code: "ENOTDIR" }));
  expect(() => view.list(readme)).toThrow(expect.objectContaining({ code: "ENOTDIR" }));
  expect(() => view.readlink(readme)).toThrow(expect.objectContaining({ code: "EINVAL" }));
  expect(() => view.open(view.root)).toThrow(expect.objectContaining({ code: "EISDIR" }));
  const leading = await at(view, "link");
  expect(() => view.open(leading)).toThrow(expect.objectContaining({ code: "ELOOP" }));
  expect(() => view.node(4711)).toThrow(expect.objectContaining({ code: "ESTALE" }));
});

test("reads a tree when its directory is looked into, and once for all who wait", async () => {
  const { view, source } = show(SAMPLE);
  expect(source.asked.trees).toHaveLength(0);
  source.isLate = true;
  await Promise.all([view.list(view.root), view.lookup(view.root, "README"), view.list(view.root)]);
  expect(source.asked.trees).toHaveLength(1);
  await at(view, "src");
  expect(source.asked.trees).toHaveLength(1);
  await at(view, "src/main.c");
  await at(view, "src/deep");
  expect(source.asked.trees).toHaveLength(2);
});

test("keeps inode numbers and times when nodes are forgotten, and in another view", async () => {
  const { view, source } = show(SAMPLE);
  const paths = ["README", "run.sh", "link", "src", "src/deep", "src/deep/er", "vendored", ".git"];
  const inodes = async (shown: BaseView): Promise<string[]> =>
    await Promise.all(
      paths.map(async (path) => {
        const { ino, attributes } = await at(shown, path);
        return `${ino} ${attributes.mtime.seconds}`;
      }),
    );
  const first = await inodes(view);
  expect(new Set(first).size).toBe(paths.length);
  const listed = new Map((await view.list(view.root)).map(({ name, ino }) => [name, ino]));
  expect(`${listed.get("README")} 1700000000`).toBe(first[0]);
  for (const path of paths) {
    const { id } = await at(view, path);
    view.forget(id, 1000);
    if (!path.includes("/")) expect(() => view.node(id)).toThrow();
  }
  expect(await inodes(view)).toEqual(first);
  expect(await inodes(viewOf(source, source.folder(SAMPLE)))).toEqual(first);
  // Another content is another inode; a directory stays what it is.
  const changed = viewOf(source, source.folder({ ...SAMPLE, README: "changed\n", src: { "main.c": "" } }));
  expect((await at(changed, "README")).ino).not.toBe((await at(view, "README")).ino);
  expect((await at(changed, "src")).ino).toBe((await at(view, "src")).ino);
});

test("a node is the same object while it is held, and offered ones go with their directory", async () => {
  const { view } = show(SAMPLE);
  const directory = await at(view, "src");
  const entries = await view.list(directory);
  const offered = entries.map((entry) => view.child(directory, entry));
  expect(view.child(directory, entries[0]!)).toBe(offered[0]);
  view.forget(directory.id, 1);
  for (const { id } of offered)
    expect(() => view.node(id)).toThrow(expect.objectContaining({ code: "ESTALE" }));
});

test("learns sizes of a directory's files in one go, and looks up without waiting for them", async () => {
  const { view, source } = show(SAMPLE);
  let open = (): void => undefined;
  source.gate = new Promise((resolve) => (open = resolve));
  const readme = view.lookup(view.root, "README");
  expect(readme).not.toBeInstanceOf(Promise);
  const node = await readme;
  expect(node?.sizeBytes).toBeUndefined();
  await view.list(view.root);
  const script = await view.lookup(view.root, "run.sh");
  const sizes = Promise.all([view.size(node!), view.size(script!), view.size(node!)]);
  open();
  expect(await sizes).toEqual([8, 10, 8]);
  expect(source.asked.sizes).toHaveLength(1);
  expect(node?.sizeBytes).toBe(8);
  expect(view.size(node!)).toBe(8);
  expect(source.asked.opens).toHaveLength(0);
});

test("learns one size alone where nobody has listed the directory, then all others", async () => {
  const { view, source } = show(SAMPLE);
  await view.size(await at(view, "README"));
  expect(source.asked.sizes.map(({ length }) => length)).toEqual([1]);
  await view.size(await at(view, "run.sh"));
  expect(source.asked.sizes.map(({ length }) => length)).toEqual([1, 4]);
  expect((await at(view, "na\xefve")).sizeBytes).toBe(6);
});

test("learns the sizes of all links with the first that is looked up, and reads all with the first that is followed", async () => {
  const { view, source } = show(SAMPLE);
  const leading = await view.lookup(view.root, "link");
  expect(leading?.sizeBytes).toBe(10);
  expect(source.asked.sizes.map(({ length }) => length)).toEqual([2]);
  expect(source.asked.opens).toHaveLength(0);
  expect(await view.readlink(leading!)).toBe("src/main.c");
  expect(source.asked.opens).toHaveLength(2);
  expect(view.readlink((await view.lookup(view.root, "other-link"))!)).toBe("README");
  expect(source.asked.opens).toHaveLength(2);
});

test("refuses links that are none", async () => {
  const { view } = show({ long: link("x".repeat(4096)), nul: link("a\0b"), empty: link("") });
  for (const [name, code] of [
    ["long", "ENAMETOOLONG"],
    ["nul", "EIO"],
    ["empty", "EIO"],
  ] as const) {
    const node = await view.lookup(view.root, name);
    await expect(view.readlink(node!)).rejects.toMatchObject({ code });
  }
});

test("who leaves ends nothing for others", async () => {
  const { view, source } = show(SAMPLE);
  let open = (): void => undefined;
  source.isLate = true;
  source.gate = new Promise((resolve) => (open = resolve));
  const leaving = new AbortController();
  const left = view.list(view.root, leaving);
  const stays = view.list(view.root);
  leaving.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  open();
  expect(await stays).toHaveLength(8);
});

test("asks in advance for the files of a directory that was listed, when one of them is opened", async () => {
  const { view, source } = show({ a: "1", b: "2", c: "3", l: link("a"), d: { e: "4", f: "5" } });
  await textOf(view, "a");
  await view.list(await at(view, "d"));
  expect(source.asked.prefetched).toEqual([]);
  await view.list(view.root);
  await textOf(view, "b");
  await textOf(view, "c");
  expect(source.asked.prefetched).toEqual(["a", "b", "c"]);
});

test.each([
  ["..", "names"],
  [".", "names"],
  [".GiT", "names"],
  ["git~1", "names"],
  ["a/b", "names"],
  ["x".repeat(256), "names"],
])("does not show a directory with the name %j", async (name, words) => {
  const { view } = show({ good: "1", bad: { [name]: "evil", fine: "2" } });
  expect(await textOf(view, "good")).toBe("1");
  const bad = await at(view, "bad");
  expect(() => view.list(bad)).toThrow(expect.objectContaining({ code: "MOUNT_BAD_TREE" }));
  expect(() => view.lookup(bad, "fine")).toThrow(words);
});

test("does not show what names something twice or stops in the middle", async () => {
  const { source } = show({});
  const blob = source.put("blob", Buffer.from("x"));
  const entry = Buffer.concat([Buffer.from("100644 a\0"), Buffer.from(blob, "hex")]);
  for (const bytes of [Buffer.concat([entry, entry]), entry.subarray(0, 20), Buffer.from("junk")]) {
    const view = viewOf(source, source.put("tree", bytes));
    expect(() => view.list(view.root)).toThrow(expect.objectContaining({ code: "MOUNT_BAD_TREE" }));
  }
});

test("tells what went wrong, and asks again", async () => {
  const { view, source } = show(SAMPLE);
  const readme = await at(view, "README");
  const content = source.objects.get(source.put("blob", Buffer.from("read me\n")))!;
  const oid = source.put("blob", content);
  source.objects.delete(oid);
  await expect(view.open(readme)).rejects.toThrow("is gone");
  source.objects.set(oid, content);
  expect(await textOf(view, "README")).toBe("read me\n");
});

test("opens what is here at once, and asks for nothing", async () => {
  const { view: asking, source } = show({ here: "here\n", away: "away\n" });
  const here = await source.blobs.open(await oidAt(asking, "here"), 0);
  const blobs = { ...source.blobs, openHere: (oid: string) => (oid === hereOid ? here : undefined) };
  const hereOid = await oidAt(asking, "here");
  const tree = source.folder({ here: "here\n", away: "away\n" });
  const view = new BaseView({
    source: { tree: (oid) => source.tree(oid), blobs },
    format: source.format,
    tree,
    mtimeSeconds: 1_700_000_000,
  });
  source.asked.opens.length = 0;
  const file = view.open(await at(view, "here"));
  expect(file).not.toBeInstanceOf(Promise);
  expect(Buffer.from(await (await file).read(0, 100)).toString()).toBe("here\n");
  (await file).close();
  expect(source.asked.opens).toEqual([]);
  expect(await textOf(view, "away")).toBe("away\n");
  expect(source.asked.opens).toHaveLength(1);
  expect(source.opened).toBe(0);
});

async function oidAt(view: BaseView, path: string): Promise<string> {
  return view.node((await at(view, path)).id).oid ?? "";
}
