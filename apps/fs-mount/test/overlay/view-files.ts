import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Oid } from "@millrace/pack";
import { OverlayView } from "../../src/overlay/overlay-view.ts";
import type { OverlayViewNode } from "../../src/overlay/overlay-view-node.ts";
import { type Folder, link, MemorySource, run } from "../support/memory-source.ts";
import { lineOf } from "./model.ts";
import { BASE, type Base, type Files, type Operation, type Path } from "./operations.ts";

const XATTR = "user.x";
const GIVEN_SECONDS = 1000;

/** A base as the folder of a source. */
export function folderOf(base: Base): Folder {
  return Object.fromEntries(
    Object.entries(base).map(([name, entry]) => {
      if (typeof entry === "string") return [name, entry];
      if ("run" in entry) return [name, run(entry.run)];
      return [name, "link" in entry ? link(entry.link) : folderOf(entry.folder)];
    }),
  );
}

/** A view with local changes that is spoken to by paths; nodes are held and given back as a kernel does. */
export class ViewFiles implements Files {
  readonly view: OverlayView;

  constructor(folder: string, source: MemorySource, tree: Oid) {
    this.view = new OverlayView({ folder, source, format: source.format, tree, mtimeSeconds: 1_700_000_000 });
  }

  async run(operation: Operation): Promise<string> {
    const held: number[] = [];
    try {
      await this.#run(operation, held);
      return "ok";
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
      return code;
    } finally {
      for (const id of held) this.view.forget(id, 1);
    }
  }

  async dump(): Promise<Map<string, string>> {
    const lines = new Map<string, string>();
    await this.#dump(this.view.root, "", lines);
    return lines;
  }

  async node(path: Path, held: number[]): Promise<OverlayViewNode> {
    let node = this.view.root;
    for (const name of path) {
      const next = await this.view.lookup(node, name);
      if (next === undefined) throw Object.assign(new Error(path.join("/")), { code: "ENOENT" });
      this.view.retain(next.id);
      held.push(next.id);
      node = next;
    }
    return node;
  }

  /** As a kernel walks: what is on the way has to be a directory. */
  async parent(path: Path, held: number[]): Promise<OverlayViewNode> {
    const node = await this.node(path.slice(0, -1), held);
    if (node.kind !== "directory") throw Object.assign(new Error(), { code: "ENOTDIR" });
    return node;
  }

  async #run(operation: Operation, held: number[]): Promise<void> {
    const { view } = this;
    const { path } = operation;
    const name = path.at(-1) ?? "";
    // The kernel refuses flags before it looks at names.
    if (operation.kind === "rename" && operation.flags === 4)
      throw Object.assign(new Error(), { code: "EINVAL" });
    const parent = await this.parent(path, held);
    switch (operation.kind) {
      case "create":
        await view.make(parent, name, { mode: 0o100644 });
        return;
      case "mkdir":
        await view.make(parent, name, { mode: 0o040755 });
        return;
      case "fifo":
        await view.make(parent, name, { mode: 0o010600 });
        return;
      case "symlink":
        await view.make(parent, name, { mode: 0o120777, target: operation.target });
        return;
      case "unlink":
      case "rmdir":
        await view.remove(parent, name, operation.kind);
        return;
      case "rename": {
        const { to, flags } = operation;
        await view.rename(parent, name, await this.parent(to, held), to.at(-1) ?? "", flags);
        return;
      }
      default:
    }
    const node = await this.node(path, held);
    switch (operation.kind) {
      case "link":
        await view.link(node, await this.parent(operation.to, held), operation.to.at(-1) ?? "");
        return;
      case "write":
        await view.write(node, operation.offset, Buffer.from(operation.data));
        return;
      case "truncate":
        await view.truncate(node, operation.sizeBytes);
        return;
      case "chmod":
        view.setAttributes(node, { mode: operation.mode });
        return;
      case "chown":
        view.setAttributes(node, { uid: operation.uid });
        return;
      case "utimes":
        view.setAttributes(node, { mtime: { seconds: operation.seconds, nanoseconds: 7 } });
        return;
      case "setxattr":
        view.setXattr(node, XATTR, Buffer.from(operation.value), operation.flags);
        return;
      case "removexattr":
        view.removeXattr(node, XATTR);
        return;
      default:
    }
  }

  async #dump(directory: OverlayViewNode, prefix: string, lines: Map<string, string>): Promise<void> {
    const entries = [...(await this.view.list(directory))].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const { name } of entries) {
      const held: number[] = [];
      const node = await this.view.lookup(directory, name);
      if (node === undefined) throw new Error(`${prefix}${name} is listed and not there`);
      this.view.retain(node.id);
      held.push(node.id);
      const { mode, nlink, uid, mtime } = node.attributes;
      const type = { 4: "directory", 10: "symlink", 8: "file", 1: "fifo" }[mode >> 12] ?? "";
      const { xattrs } = node;
      const xattr = xattrs?.get(XATTR);
      let content = "";
      if (type === "symlink") content = await this.view.readlink(node);
      if (type === "file") {
        const file = await this.view.open(node);
        content = Buffer.from(await file.read(0, 1 << 20)).toString("latin1");
        file.close();
        if ((await this.view.size(node)) !== content.length)
          throw new Error(`${prefix}${name} has another size`);
      }
      lines.set(
        `${prefix}${name}`,
        lineOf({
          type,
          permissions: mode & 0o7777,
          nlink,
          uid,
          mtimeSeconds: type === "directory" || mtime.seconds > GIVEN_SECONDS ? undefined : mtime.seconds,
          xattr: xattr === undefined ? undefined : `${XATTR}=${Buffer.from(xattr).toString()}`,
          content,
        }),
      );
      if (type === "directory") await this.#dump(node, `${prefix}${name}/`, lines);
      for (const id of held) this.view.forget(id, 1);
    }
  }
}

/** A folder of local changes and the view of it, over the usual base; disposing closes it and takes all of it away. */
export class ViewLab implements AsyncDisposable {
  readonly source = new MemorySource();
  readonly tree: Oid = this.source.folder(folderOf(BASE));
  readonly #folder = mkdtempSync(join(tmpdir(), "overlay-"));
  /** What the base may become: another one, and what it was. */
  readonly #others: readonly Oid[] = [
    this.source.folder(folderOf({ a: "another", d: BASE.a!, e: "new" })),
    this.tree,
  ];
  #files = this.#open();

  /** The view as it is open now. */
  get files(): ViewFiles {
    return this.#files;
  }

  async reopen(): Promise<void> {
    await this.#files.view.close();
    this.#files = this.#open();
  }

  /** Moves the base: to the other one at even numbers, to the usual one at odd numbers. */
  async moveBase(number: number): Promise<void> {
    await this.#files.view.reconcile(this.#others[number % 2]!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files.view.close();
    this.source.end();
    rmSync(this.#folder, { recursive: true });
  }

  #open(): ViewFiles {
    return new ViewFiles(this.#folder, this.source, this.tree);
  }
}
