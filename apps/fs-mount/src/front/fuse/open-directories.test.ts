import { afterEach, expect, it, vi } from "vitest";
import { MemorySource } from "../../../test/support/memory-source.ts";
import { BaseView } from "../../view/base-view.ts";
import { OpenDirectories } from "./open-directories.ts";
import { ShownNodes } from "./shown-nodes.ts";

const sources: MemorySource[] = [];
afterEach(() => {
  for (const source of sources.splice(0)) source.end();
});

it("list a directory when it is read, and not when it is opened; what is read again is listed again", async () => {
  const source = new MemorySource("sha1");
  sources.push(source);
  const tree = source.folder({ a: "1", b: "2" });
  const view = new BaseView({ source, format: "sha1", tree, mtimeSeconds: 1 });
  const list = vi.spyOn(view, "list");
  const directories = new OpenDirectories(view, new ShownNodes(view, { uid: 0, gid: 0 }));
  const waiting = { signal: new AbortController().signal };
  const { handle } = await directories.open(view.root.id, waiting);
  expect(list).not.toHaveBeenCalled();

  const names = async (offset: number): Promise<string[]> =>
    [...(await directories.read(handle, offset, false, waiting))].map(({ name }) => name);
  // The kernel may have kept the beginning.
  expect(await names(3)).toEqual(["b"]);
  expect(await names(2)).toEqual(["a", "b"]);
  expect(list).toHaveBeenCalledTimes(1);
  expect(await names(0)).toEqual([".", "..", "a", "b"]);
  expect(list).toHaveBeenCalledTimes(2);
});
