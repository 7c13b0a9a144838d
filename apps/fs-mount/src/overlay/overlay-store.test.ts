import { mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Oid } from "@millrace/pack";
import { open as openDatabase } from "lmdb";
import { afterEach, expect, test } from "vitest";
import { openOverlay, type OverlayStore, ROOT } from "./overlay-store.ts";
import type { LowerTree } from "./row.ts";

const opened: { store: OverlayStore; folder: string }[] = [];
const closed = new Set<OverlayStore>();
afterEach(async () => {
  for (const { store, folder } of opened.splice(0)) {
    if (!closed.has(store)) await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

async function close(store: OverlayStore): Promise<void> {
  await store.close();
  closed.add(store);
}

const oid = (digit: string): Oid => digit.repeat(40);
const README = { mode: 0o100644, oid: oid("a") };
const trees = new Map<Oid, LowerTree>([
  [
    oid("1"),
    new Map([
      ["README", README],
      ["src", { mode: 0o040755, oid: oid("2") }],
    ]),
  ],
  [oid("2"), new Map([["main.c", { mode: 0o100644, oid: oid("b") }]])],
]);

function open(folder = mkdtempSync(join(tmpdir(), "overlay-"))): OverlayStore {
  const store = openOverlay({ folder, tree: oid("1"), lower: (tree) => trees.get(tree)! });
  opened.push({ store, folder });
  return store;
}

function namesOf(store: OverlayStore, directory = ROOT): string[] {
  return [...store.list(directory)].map(({ name }) => name);
}

/** Files that hold contents. */
function backingFiles(): number {
  const content = join(opened[0]!.folder, "content");
  return readdirSync(content).reduce((count, name) => count + readdirSync(join(content, name)).length, 0);
}

/** What is too large for a row. */
function large(text: string): Buffer {
  return Buffer.from(text + " ".repeat(10_000));
}

/** A descriptor of a file with this content. */
function descriptorOf(text: string): { fd: number; sizeBytes: number } {
  const path = join(opened[0]!.folder, "source");
  writeFileSync(path, text);
  return { fd: openSync(path, "r"), sizeBytes: text.length };
}

function openRows(folder: string): ReturnType<typeof openDatabase<Buffer, Buffer>> {
  const path = join(folder, "rows.mdb");
  return openDatabase<Buffer, Buffer>({ path, noSubdir: true, encoding: "binary", keyEncoding: "binary" });
}

function rowsOfContents(folder: string): number {
  const rows = openRows(folder);
  const count = [...rows.getKeys({ start: Buffer.of(3) })].length;
  void rows.close();
  return count;
}

/** Lets a closed store say that it is of another version. */
function setVersion(folder: string, version: number): void {
  const rows = openRows(folder);
  const meta = Buffer.from(rows.getBinary(Buffer.of(0))!);
  meta[0] = version;
  rows.putSync(Buffer.of(0), meta);
  void rows.close();
}

test("a directory of the base moves by one row, with what lies below", async () => {
  const store = open();
  store.rename(ROOT, "src", ROOT, "moved");
  expect(namesOf(store)).toEqual(["README", "moved"]);
  const moved = store.lookup(ROOT, "moved")!.node!;
  expect(store.lookup(moved.id, "main.c")).toEqual({ lower: { mode: 0o100644, oid: oid("b") } });
  expect(store.statistics).toEqual({ changed: 1, deleted: 1, lostBytes: 0 });
  store.unlink(moved.id, "main.c");
  store.rmdir(ROOT, "moved");
  expect(store.statistics).toMatchObject({ changed: 0, deleted: 2 });
  // What is made where something was hidden does not bring it back.
  const { id } = store.make(ROOT, "src", { mode: 0o040755 });
  expect(namesOf(store, id)).toEqual([]);
});

test("a file keeps its content while somebody holds it, and leaves nothing when nobody does", async () => {
  const store = open();
  const { id } = store.make(ROOT, "file", { mode: 0o100644 });
  store.contents.write(id, 0, large("content"));
  store.hold(id);
  store.unlink(ROOT, "file");
  expect(store.lookup(ROOT, "file")).toBeUndefined();
  store.contents.write(id, 7, Buffer.from(" more"));
  expect(Buffer.from(store.contents.read(id, 0, 12)).toString()).toBe("content more");
  expect(() => store.link(id, ROOT, "again")).toThrow(expect.objectContaining({ code: "ENOENT" }));
  await store.flush();
  expect(backingFiles()).toBe(1);
  store.release(id);
  expect(store.node(id)).toBeUndefined();
  await store.flush();
  expect(backingFiles()).toBe(0);
});

test("a file of the base that nobody has changed can be held when its name goes", async () => {
  const store = open();
  const { id } = store.unlink(ROOT, "README", true);
  expect(store.node(id)).toMatchObject({ oid: oid("a"), nlink: 0 });
  await store.contents.promote(id, descriptorOf("read me\n"));
  store.contents.write(id, 0, Buffer.from("R"));
  expect(Buffer.from(store.contents.read(id, 0, 100)).toString()).toBe("Read me\n");
  store.release(id);
  const kept = store.rename(ROOT, "src", ROOT, "README", 0, true);
  expect(kept).toBeUndefined();
});

test("a directory that was removed while it is held takes nothing in", () => {
  const store = open();
  const { id } = store.make(ROOT, "directory", { mode: 0o040755 });
  store.hold(id);
  store.rmdir(ROOT, "directory");
  expect(namesOf(store, id)).toEqual([]);
  expect(() => store.make(id, "file", { mode: 0o100644 })).toThrow(
    expect.objectContaining({ code: "ENOENT" }),
  );
  expect(() => store.rename(ROOT, "README", id, "file")).toThrow(expect.objectContaining({ code: "ENOENT" }));
});

test("what was written off stays on the disk until that would survive a loss of power", async () => {
  const store = open();
  for (const [name, text] of [
    ["old", "old"],
    ["new", "new"],
  ] as const)
    store.contents.write(store.make(ROOT, name, { mode: 0o100644 }).id, 0, large(text));
  await store.sync(store.lookup(ROOT, "old")!.node!.id);
  store.rename(ROOT, "new", ROOT, "old");
  await store.contents.truncate(store.lookup(ROOT, "old")!.node!.id, 0);
  expect(backingFiles()).toBe(2);
  await store.sync(ROOT);
  expect(backingFiles()).toBe(0);
});

test("a content is copied once, however many ask for it, and not over what was written meanwhile", async () => {
  const store = open();
  const { id } = store.adopt(ROOT, "README");
  const source = descriptorOf("x".repeat(3 << 20));
  expect(store.contents.isElsewhere(id)).toBe(true);
  const first = store.contents.promote(id, source);
  expect(first).toBeInstanceOf(Promise);
  const second = store.contents.promote(id, source);
  await store.contents.truncate(id, 0);
  store.contents.write(id, 0, large("mine"));
  await Promise.all([first, second]);
  expect(Buffer.from(store.contents.read(id, 0, 5)).toString()).toBe("mine ");
  await store.flush();
  expect(backingFiles()).toBe(1);
});

test("cuts and grows, and nothing of what was cut comes back", async () => {
  const store = open();
  const { id } = store.adopt(ROOT, "README");
  await store.contents.truncate(id, 4, descriptorOf("read me\n"));
  expect(Buffer.from(store.contents.read(id, 0, 100)).toString()).toBe("read");
  await store.contents.truncate(id, 2);
  await store.contents.truncate(id, 5);
  expect(Buffer.from(store.contents.read(id, 0, 100)).toString()).toBe("re\0\0\0");
  expect(store.contents.read(id, 9, 1)).toHaveLength(0);
  expect(() => store.contents.write(id, 2 ** 44, Buffer.from("x"))).toThrow(
    expect.objectContaining({ code: "EFBIG" }),
  );
});

test("a small content is in a row, and goes with what had it", async () => {
  const store = open();
  const { folder } = opened[0]!;
  const text = (id: number): string => Buffer.from(store.contents.read(id, 0, 100)).toString();
  const [kept, cut, gone, held] = ["kept", "cut", "gone", "held"].map((name) => {
    const { id } = store.make(ROOT, name, { mode: 0o100644 });
    store.contents.write(id, 2, Buffer.from(name));
    return id;
  }) as [number, number, number, number];
  await store.flush();
  expect([kept, cut, gone, held].map(text)).toEqual(["\0\0kept", "\0\0cut", "\0\0gone", "\0\0held"]);
  await store.contents.truncate(cut, 3);
  await store.contents.truncate(cut, 5);
  store.contents.write(cut, 4, Buffer.from("!"));
  expect(text(cut)).toBe("\0\0c\0!");
  store.contents.write(gone, 9000, Buffer.from("end"));
  expect(text(gone).slice(0, 6)).toBe("\0\0gone");
  expect(store.contents.read(gone, 0, 10_000)).toHaveLength(9003);
  expect(backingFiles()).toBe(1);
  store.unlink(ROOT, "gone");
  store.hold(held);
  store.unlink(ROOT, "held");
  await store.flush();
  expect(text(held)).toBe("\0\0held");
  await close(store);
  expect(rowsOfContents(folder)).toBe(2);
});

test("a store of the version before is read, one of a later version is not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "overlay-"));
  let store = open(folder);
  store.rename(ROOT, "src", ROOT, "moved");
  await close(store);
  setVersion(folder, 1);
  store = open(folder);
  expect(namesOf(store)).toEqual(["README", "moved"]);
  await close(store);
  setVersion(folder, 3);
  expect(() => open(folder)).toThrow(expect.objectContaining({ code: "MOUNT_OVERLAY_DAMAGED" }));
});

test("a directory with the group's bit hands its group on", () => {
  const store = open();
  const { id } = store.make(ROOT, "shared", { mode: 0o042755, gid: 7 });
  expect(store.make(id, "file", { mode: 0o100644, uid: 1, gid: 1 })).toMatchObject({ uid: 1, gid: 7 });
  expect(store.make(id, "below", { mode: 0o040755, gid: 1 })).toMatchObject({ mode: 0o042755, gid: 7 });
});

test.each([
  ["", "EINVAL"],
  [".", "EINVAL"],
  ["..", "EINVAL"],
  ["a/b", "EINVAL"],
  ["a\0", "EINVAL"],
  ["x".repeat(256), "ENAMETOOLONG"],
])("takes no name %j", (name, code) => {
  const store = open();
  expect(() => store.make(ROOT, name, { mode: 0o100644 })).toThrow(expect.objectContaining({ code }));
  expect(() => store.rename(ROOT, "README", ROOT, name)).toThrow(expect.objectContaining({ code }));
  expect(store.make(ROOT, "x".repeat(255), { mode: 0o100644 }).nlink).toBe(1);
});

test("lists in the order of bytes, from any name on, more rows than are read at once", async () => {
  const store = open();
  const names = Array.from({ length: 2500 }, (_, at) => `\xe9${at}`);
  for (const name of names.slice(0, 1200)) store.make(ROOT, name, { mode: 0o100644 });
  await store.flush();
  for (const name of names.slice(1200)) store.make(ROOT, name, { mode: 0o100644 });
  for (const name of names.slice(1000, 1400)) store.unlink(ROOT, name);
  const left = ["README", "src", ...names.slice(0, 1000), ...names.slice(1400)].sort();
  expect(namesOf(store)).toEqual(left);
  expect([...store.list(ROOT, left[1700])].map(({ name }) => name)).toEqual(left.slice(1701));
});
