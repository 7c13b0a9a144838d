import type { Base, Files, Operation, Path } from "./operations.ts";

const XATTR = "user.x";

interface ModelNode {
  type: "file" | "directory" | "symlink" | "fifo";
  permissions: number;
  content: Buffer;
  target: string;
  children: Map<string, ModelNode>;
  nlink: number;
  uid: number | undefined;
  mtimeSeconds: number | undefined;
  xattr: string | undefined;
}

class Refused extends Error {}

/** Files as plain objects, by the words of rename(2) and its kin: what an overlay is held against. */
export class Model implements Files {
  readonly #root = newNode("directory", 0o755);

  constructor(base: Base) {
    fill(this.#root, base);
  }

  async run(operation: Operation): Promise<string> {
    try {
      this.#run(operation);
      return "ok";
    } catch (error) {
      if (error instanceof Refused) return error.message;
      throw error;
    }
  }

  async dump(): Promise<Map<string, string>> {
    const lines = new Map<string, string>();
    dump(this.#root, "", lines);
    return lines;
  }

  #run(operation: Operation): void {
    const { path } = operation;
    switch (operation.kind) {
      case "create":
      case "mkdir":
      case "fifo":
      case "symlink": {
        const [parent, name] = this.#parent(path);
        if (parent.children.has(name)) throw new Refused("EEXIST");
        const type = ({ create: "file", mkdir: "directory", fifo: "fifo", symlink: "symlink" } as const)[
          operation.kind
        ];
        const node = newNode(type, { file: 0o644, directory: 0o755, fifo: 0o600, symlink: 0o777 }[type]);
        if (operation.kind === "symlink") node.target = operation.target;
        parent.children.set(name, node);
        return;
      }
      case "unlink":
      case "rmdir": {
        const [parent, name] = this.#parent(path);
        const node = existing(parent, name);
        if (operation.kind === "unlink" && node.type === "directory") throw new Refused("EISDIR");
        if (operation.kind === "rmdir" && node.type !== "directory") throw new Refused("ENOTDIR");
        if (node.children.size > 0) throw new Refused("ENOTEMPTY");
        parent.children.delete(name);
        node.nlink--;
        return;
      }
      case "link": {
        const node = this.#node(path);
        const [parent, name] = this.#parent(operation.to);
        if (parent.children.has(name)) throw new Refused("EEXIST");
        if (node.type === "directory") throw new Refused("EPERM");
        parent.children.set(name, node);
        node.nlink++;
        return;
      }
      case "rename":
        this.#rename(path, operation.to, operation.flags);
        return;
      case "write": {
        const node = this.#file(path);
        const bytes = Buffer.from(operation.data);
        const before = Buffer.alloc(Math.max(node.content.length, operation.offset + bytes.length));
        node.content.copy(before);
        bytes.copy(before, operation.offset);
        node.content = before;
        node.mtimeSeconds = undefined;
        return;
      }
      case "truncate": {
        const node = this.#file(path);
        const content = Buffer.alloc(operation.sizeBytes);
        node.content.copy(content);
        node.content = content;
        node.mtimeSeconds = undefined;
        return;
      }
      case "chmod":
        this.#node(path).permissions = operation.mode;
        return;
      case "chown":
        this.#node(path).uid = operation.uid;
        return;
      case "utimes":
        this.#node(path).mtimeSeconds = operation.seconds;
        return;
      case "setxattr": {
        const node = this.#node(path);
        if (operation.flags === 1 && node.xattr !== undefined) throw new Refused("EEXIST");
        if (operation.flags === 2 && node.xattr === undefined) throw new Refused("ENODATA");
        node.xattr = operation.value;
        return;
      }
      case "removexattr": {
        const node = this.#node(path);
        if (node.xattr === undefined) throw new Refused("ENODATA");
        node.xattr = undefined;
      }
    }
  }

  #rename(from: Path, to: Path, flags: number): void {
    if (flags === 4) throw new Refused("EINVAL");
    const [source, name] = this.#parent(from);
    const [target, newName] = this.#parent(to);
    const node = existing(source, name);
    const there = target.children.get(newName);
    if (flags === 1 && there !== undefined) throw new Refused("EEXIST");
    if (flags === 2 && there === undefined) throw new Refused("ENOENT");
    const isBelow = (a: Path, b: Path): boolean => a.length > b.length && b.every((part, i) => a[i] === part);
    if (isBelow(to, from)) throw new Refused("EINVAL");
    if (isBelow(from, to)) throw new Refused(flags === 2 ? "EINVAL" : "ENOTEMPTY");
    if (node === there) return;
    if (flags === 2 && there !== undefined) {
      source.children.set(name, there);
      target.children.set(newName, node);
      return;
    }
    if (there !== undefined) {
      if (node.type === "directory" && there.type !== "directory") throw new Refused("ENOTDIR");
      if (node.type !== "directory" && there.type === "directory") throw new Refused("EISDIR");
      if (there.children.size > 0) throw new Refused("ENOTEMPTY");
      there.nlink--;
    }
    source.children.delete(name);
    target.children.set(newName, node);
  }

  #file(path: Path): ModelNode {
    const node = this.#node(path);
    if (node.type === "directory") throw new Refused("EISDIR");
    if (node.type !== "file") throw new Refused("EINVAL");
    return node;
  }

  #node(path: Path): ModelNode {
    const [parent, name] = this.#parent(path);
    return existing(parent, name);
  }

  #parent(path: Path): [ModelNode, string] {
    let node = this.#root;
    for (const name of path.slice(0, -1)) {
      node = existing(node, name);
      if (node.type !== "directory") throw new Refused("ENOTDIR");
    }
    return [node, path.at(-1) ?? ""];
  }
}

function existing(parent: ModelNode, name: string): ModelNode {
  const node = parent.children.get(name);
  if (node === undefined) throw new Refused("ENOENT");
  return node;
}

function newNode(type: ModelNode["type"], permissions: number): ModelNode {
  return {
    type,
    permissions,
    content: Buffer.alloc(0),
    target: "",
    children: new Map(),
    nlink: 1,
    uid: undefined,
    mtimeSeconds: undefined,
    xattr: undefined,
  };
}

function fill(node: ModelNode, base: Base): void {
  for (const [name, entry] of Object.entries(base)) {
    let child: ModelNode;
    if (typeof entry === "string") {
      child = newNode("file", 0o644);
      child.content = Buffer.from(entry);
    } else if ("run" in entry) {
      child = newNode("file", 0o755);
      child.content = Buffer.from(entry.run);
    } else if ("link" in entry) {
      child = newNode("symlink", 0o777);
      child.target = entry.link;
    } else {
      child = newNode("directory", 0o755);
      fill(child, entry.folder);
    }
    node.children.set(name, child);
  }
}

function dump(directory: ModelNode, prefix: string, lines: Map<string, string>): void {
  for (const [name, node] of [...directory.children].sort(([a], [b]) => (a < b ? -1 : 1))) {
    lines.set(
      `${prefix}${name}`,
      lineOf({
        type: node.type,
        permissions: node.permissions,
        nlink: node.nlink,
        uid: node.uid,
        // A directory's time changes with its names, any other's only as the test says.
        mtimeSeconds: node.type === "directory" ? undefined : node.mtimeSeconds,
        xattr: node.xattr === undefined ? undefined : [XATTR, node.xattr].join("="),
        content: node.type === "file" ? node.content.toString("latin1") : node.target,
      }),
    );
    dump(node, `${prefix}${name}/`, lines);
  }
}

/** One line of a dump. */
export function lineOf(line: {
  type: string;
  permissions: number;
  nlink: number;
  uid: number | undefined;
  mtimeSeconds: number | undefined;
  xattr: string | undefined;
  content: string;
}): string {
  const { type, permissions, nlink, uid, mtimeSeconds, xattr, content } = line;
  return JSON.stringify([type, permissions.toString(8), nlink, uid, mtimeSeconds, xattr, content]);
}
