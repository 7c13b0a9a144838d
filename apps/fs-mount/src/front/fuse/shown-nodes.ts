import type { Attributes, Entry, TimedAttributes } from "@millrace/fuse";
import type { Answer, View, ViewNode, Waiting } from "../../view/view.ts";
import { whenHere } from "../../view/wait.ts";

/** How a view is shown through the kernel. */
export interface ViewFileSystemOptions {
  /** Whose the files are that have no owner of their own. */
  readonly uid: number;
  readonly gid: number;
}

/** What nothing changes without our telling the kernel is kept for a day: what changes, changes through the kernel. */
const LONG_MS = 86_400_000;

/** The nodes of a view as the kernel is told of them. */
export class ShownNodes {
  readonly owner: ViewFileSystemOptions;
  readonly #view: View;

  constructor(view: View, owner: ViewFileSystemOptions) {
    this.#view = view;
    this.owner = owner;
  }

  attributesOf(node: ViewNode, sizeBytes: number): Attributes {
    const { mode, nlink, rdev, atime, mtime, ctime, uid, gid } = node.attributes;
    return {
      ino: node.ino,
      sizeBytes,
      blocks: Math.ceil(sizeBytes / 512),
      atime,
      mtime,
      ctime,
      mode,
      nlink,
      uid: uid ?? this.owner.uid,
      gid: gid ?? this.owner.gid,
      rdev,
      blockSizeBytes: 4096,
    };
  }

  /** What `stat` tells; this waits for a size. */
  stat(node: ViewNode, waiting: Waiting | undefined): Answer<TimedAttributes> {
    return whenHere(this.#view.size(node, waiting), (sizeBytes) => ({
      attributes: this.attributesOf(node, sizeBytes),
      timeoutMs: LONG_MS,
    }));
  }

  entryOf(node: ViewNode): Entry {
    const { sizeBytes } = node;
    return {
      nodeId: node.id,
      attributes: this.attributesOf(node, sizeBytes ?? 0),
      entryTimeoutMs: LONG_MS,
      // Of unknown size: the kernel asks when somebody wants to know it, and that waits.
      attributesTimeoutMs: sizeBytes === undefined ? 0 : LONG_MS,
    };
  }

  /** An entry that the kernel takes a reference with. */
  tell(node: ViewNode): Entry {
    this.#view.retain(node.id);
    return this.entryOf(node);
  }

  tellAbsent(): { readonly absentForMs: number } {
    return { absentForMs: LONG_MS };
  }
}
