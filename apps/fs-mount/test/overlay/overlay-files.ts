import { createHash } from "node:crypto";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { oidFromBytes, type Oid } from "@millrace/pack";
import { openOverlay, type OverlayStore, ROOT } from "../../src/overlay/overlay-store.ts";
import type { ReconcileSource } from "../../src/overlay/reconcile.ts";
import type { LowerEntry, LowerTree, OverlayNode } from "../../src/overlay/row.ts";
import { lineOf } from "./model.ts";
import type { Base, Files, Operation, Path } from "./operations.ts";

const XATTR = "user.x";
/** Times that tests give lie before any that a clock tells. */
const GIVEN_SECONDS = 1000;

/** Trees and blobs of a base, by their ids. */
export class BaseObjects {
  readonly trees = new Map<Oid, LowerTree>();
  readonly blobs = new Map<Oid, Buffer>();

  /** Takes a base in. @returns its root tree */
  add(base: Base): Oid {
    const entries = new Map<string, LowerEntry>();
    for (const [name, entry] of Object.entries(base)) {
      if (typeof entry === "string") entries.set(name, { mode: 0o100644, oid: this.blob(entry) });
      else if ("run" in entry) entries.set(name, { mode: 0o100755, oid: this.blob(entry.run) });
      else if ("link" in entry) entries.set(name, { mode: 0o120777, oid: this.blob(entry.link) });
      else entries.set(name, { mode: 0o040755, oid: this.add(entry.folder) });
    }
    return this.tree(entries);
  }

  blob(text: string): Oid {
    const content = Buffer.from(text);
    const oid = blobOid(content);
    this.blobs.set(oid, content);
    return oid;
  }

  tree(entries: LowerTree): Oid {
    const oid = hashOf("tree", Buffer.from(JSON.stringify([...entries])));
    this.trees.set(oid, entries);
    return oid;
  }

  content(oid: Oid): Buffer {
    const content = this.blobs.get(oid);
    if (content === undefined) throw new Error(`there is no blob ${oid}`);
    return content;
  }
}

/** The id that git gives a content. */
export function blobOid(content: Uint8Array): Oid {
  return hashOf("blob", content);
}

function hashOf(type: string, content: Uint8Array): Oid {
  const hash = createHash("sha1").update(`${type} ${content.length}\0`).update(content).digest();
  return oidFromBytes(hash, 0, "sha1");
}

/** An overlay that is spoken to by paths. */
export class OverlayFiles implements Files {
  readonly store: OverlayStore;
  readonly objects: BaseObjects;

  constructor(folder: string, objects: BaseObjects, tree: Oid) {
    this.objects = objects;
    const lower = (oid: Oid): LowerTree => {
      const entries = objects.trees.get(oid);
      if (entries === undefined) throw new Error(`there is no tree ${oid}`);
      return entries;
    };
    this.store = openOverlay({ folder, tree, lower });
  }

  async run(operation: Operation): Promise<string> {
    try {
      await this.#run(operation);
      return "ok";
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
      return code;
    }
  }

  async dump(): Promise<Map<string, string>> {
    const lines = new Map<string, string>();
    this.#dump(ROOT, undefined, "", lines);
    return lines;
  }

  /** The id of what a path leads to, with rows made for all of it. */
  adopt(path: Path): number {
    return this.store.adopt(this.parent(path), path.at(-1) ?? "").id;
  }

  parent(path: Path): number {
    let id = ROOT;
    for (const name of path.slice(0, -1)) {
      const found = this.store.lookup(id, name);
      if (found === undefined) throw Object.assign(new Error(), { code: "ENOENT" });
      id = this.store.adopt(id, name).id;
    }
    // Throws where the last is none.
    this.store.lookup(id, "");
    return id;
  }

  /** A node's content, wherever it is. */
  contentOf(node: OverlayNode): string {
    if (node.target !== undefined) return node.target;
    if (node.oid !== undefined) return this.objects.content(node.oid).toString("latin1");
    const type = node.mode & 0o170000;
    return type === 0o100000
      ? Buffer.from(this.store.contents.read(node.id, 0, 1 << 20)).toString("latin1")
      : "";
  }

  /** What a change of the base asks: a content that the base has is given up for the base's. */
  asSource(): ReconcileSource {
    return {
      tree: async (oid) => await Promise.resolve(this.objects.trees.get(oid)!),
      compare: async (node, oid) =>
        await Promise.resolve(this.objects.blob(this.contentOf(node)) === oid ? "elsewhere" : "other"),
    };
  }

  async #run(operation: Operation): Promise<void> {
    const { store } = this;
    const { path } = operation;
    const name = path.at(-1) ?? "";
    switch (operation.kind) {
      case "create":
        store.make(this.parent(path), name, { mode: 0o100644 });
        return;
      case "mkdir":
        store.make(this.parent(path), name, { mode: 0o040755 });
        return;
      case "fifo":
        store.make(this.parent(path), name, { mode: 0o010600 });
        return;
      case "symlink":
        store.make(this.parent(path), name, { mode: 0o120777, target: operation.target });
        return;
      case "unlink":
        store.unlink(this.parent(path), name);
        return;
      case "rmdir":
        store.rmdir(this.parent(path), name);
        return;
      case "link": {
        const id = this.adopt(path);
        store.link(id, this.parent(operation.to), operation.to.at(-1) ?? "");
        return;
      }
      case "rename": {
        const { to, flags } = operation;
        if (flags === 4) {
          store.rename(ROOT, "", ROOT, "", flags);
          return;
        }
        store.rename(this.parent(path), name, this.parent(to), to.at(-1) ?? "", flags);
        return;
      }
      case "write": {
        const id = this.adopt(path);
        if (store.contents.isElsewhere(id))
          await this.#withContent(id, (source) => store.contents.promote(id, source));
        store.contents.write(id, operation.offset, Buffer.from(operation.data));
        return;
      }
      case "truncate": {
        const id = this.adopt(path);
        if (store.contents.isElsewhere(id))
          await this.#withContent(id, (source) => store.contents.truncate(id, operation.sizeBytes, source));
        else await store.contents.truncate(id, operation.sizeBytes);
        return;
      }
      case "chmod":
        store.setAttributes(this.adopt(path), { mode: operation.mode });
        return;
      case "chown":
        store.setAttributes(this.adopt(path), { uid: operation.uid });
        return;
      case "utimes":
        store.setAttributes(this.adopt(path), { mtime: { seconds: operation.seconds, nanoseconds: 7 } });
        return;
      case "setxattr":
        store.setXattr(this.adopt(path), XATTR, Buffer.from(operation.value), operation.flags);
        return;
      case "removexattr":
        store.removeXattr(this.adopt(path), XATTR);
    }
  }

  async #withContent(
    id: number,
    use: (source: { fd: number; sizeBytes: number }) => void | Promise<void>,
  ): Promise<void> {
    const content = this.objects.content(this.store.node(id)?.oid as Oid);
    // Elsewhere: the overlay's disk may be full.
    const folder = mkdtempSync(join(tmpdir(), "blob-"));
    writeFileSync(join(folder, "blob"), content);
    const fd = openSync(join(folder, "blob"), "r");
    rmSync(folder, { recursive: true });
    try {
      await use({ fd, sizeBytes: content.length });
    } finally {
      closeSync(fd);
    }
  }

  #dump(id: number | undefined, tree: Oid | undefined, prefix: string, lines: Map<string, string>): void {
    const entries =
      id === undefined
        ? [...(this.objects.trees.get(tree as Oid) ?? [])]
            .map(([name, lower]) => ({ name, node: undefined, lower }))
            .sort((a, b) => (a.name < b.name ? -1 : 1))
        : [...this.store.list(id)];
    for (const { name, node: nodeId, lower } of entries) {
      const node = nodeId === undefined ? undefined : this.store.node(nodeId);
      const what = node ?? { mode: lower?.mode ?? 0, oid: lower?.oid, nlink: 1 };
      const type = { 4: "directory", 10: "symlink", 8: "file", 1: "fifo" }[what.mode >> 12] ?? "";
      const xattr = node?.xattrs?.get(XATTR);
      const seconds = node?.mtime?.seconds;
      lines.set(
        `${prefix}${name}`,
        lineOf({
          type,
          permissions: what.mode & 0o7777,
          nlink: what.nlink,
          uid: node?.uid,
          mtimeSeconds:
            type === "directory" || seconds === undefined || seconds > GIVEN_SECONDS ? undefined : seconds,
          xattr: xattr === undefined ? undefined : `${XATTR}=${Buffer.from(xattr).toString()}`,
          content:
            type === "directory"
              ? ""
              : node === undefined
                ? this.objects.content(lower?.oid as Oid).toString("latin1")
                : this.contentOf(node),
        }),
      );
      if (type === "directory") this.#dump(nodeId, lower?.oid, `${prefix}${name}/`, lines);
    }
  }
}
