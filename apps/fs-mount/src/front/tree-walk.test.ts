import { once } from "node:events";
import { MessageChannel } from "node:worker_threads";
import type { Oid } from "@millrace/pack";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Folder, MemorySource } from "../../test/support/memory-source.ts";
import { BaseView } from "../view/base-view.ts";
import type { ViewNode } from "../view/view.ts";
import { connectSource } from "./remote-source.ts";
import { serveSource } from "./serve-source.ts";

let source: MemorySource;
let channel: MessageChannel;
/** Trees that were asked for over the port. */
let asked: Oid[];
let here: (id: Oid) => boolean;
/** A tree that cannot be read the first time, to go along. */
let unreadable: Oid | undefined;

beforeEach(() => {
  source = new MemorySource("sha1");
  channel = new MessageChannel();
  asked = [];
  here = () => true;
  unreadable = undefined;
});
afterEach(async () => {
  channel.port1.close();
  await once(channel.port2, "close");
  source.end();
});

/** A view over a port, of a source that tells trees ahead. */
function show(folder: Folder): BaseView {
  const tree = source.folder(folder);
  const walked = {
    format: source.format,
    root: async () => tree,
    isHere: (id: Oid) => here(id),
    async tree(id: Oid) {
      if (id === unreadable) throw new Error("it cannot be read");
      return await source.tree(id);
    },
  };
  serveSource(channel.port1, {
    blobs: source.blobs,
    walked,
    async tree(id) {
      asked.push(id);
      return await source.tree(id);
    },
  });
  return new BaseView({ source: connectSource(channel.port2), format: source.format, tree, mtimeSeconds: 0 });
}

/** All paths below a directory, as `find` comes to them. */
async function walk(view: BaseView, directory: ViewNode, path = ""): Promise<string[]> {
  const found: string[] = [];
  await view.enter(directory);
  for (const entry of await view.list(directory)) {
    const below = `${path}/${entry.name}`;
    found.push(below);
    if (entry.kind === "directory") found.push(...(await walk(view, view.child(directory, entry), below)));
  }
  return found;
}

function folders(count: number, inside: (n: number) => Folder): Folder {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`d${n}`, inside(n)]));
}

function pathsOf(folder: Folder, path = ""): string[] {
  return Object.entries(folder).flatMap(([name, what]) => {
    const below = `${path}/${name}`;
    return typeof what === "string" ? [below] : [below, ...pathsOf(what as Folder, below)];
  });
}

test("a walk asks for few trees: those that it comes to go along with one of them", async () => {
  const folder = folders(20, (n) => folders(20, (m) => ({ file: `${n} ${m}\n` })));
  const view = show(folder);
  expect((await walk(view, view.root)).toSorted()).toEqual(pathsOf(folder).toSorted());
  // The root, two directories that are looked into before anything is known of a walk, and what 16, 32, 64 and 128 leave of 420.
  expect(asked.length).toBeLessThan(12);
});

test("directories with the same content are told once, and shown everywhere", async () => {
  const folder = folders(20, () => folders(3, () => ({ same: { file: "same\n" } })));
  const view = show(folder);
  expect((await walk(view, view.root)).toSorted()).toEqual(pathsOf(folder).toSorted());
});

test("who looks into one directory after the other on one path gets what they ask for and nothing else", async () => {
  let read = 0;
  const view = show({
    a: { b: { c: { d: { file: "deep\n" } } }, other: { file: "other\n" } },
    beside: { file: "b\n" },
  });
  here = () => {
    read++;
    return true;
  };
  let node: ViewNode | undefined = view.root;
  for (const name of ["a", "b", "c", "d", "file"]) {
    node = await view.lookup(node!, name);
    view.retain(node!.id);
  }
  expect(node?.kind).toBe("file");
  // The root alone, to know what lies beside what.
  expect(read).toBe(1);
});

test("a tree that is not here, or cannot be read, is left to whoever asks for it", async () => {
  const folder = folders(10, (n) => ({ file: `${n}\n` }));
  const missing = source.folder(folder["d5"] as Folder);
  here = (id) => id !== missing;
  unreadable = source.folder(folder["d7"] as Folder);
  const view = show(folder);
  expect((await walk(view, view.root)).toSorted()).toEqual(pathsOf(folder).toSorted());
  expect(asked).toEqual(expect.arrayContaining([missing, unreadable]));
});
