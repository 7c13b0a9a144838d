import { encodeCommit, type ObjectHeader, type Oid, type TreeEntry } from "@millrace/pack";
import type { PushReport, PushRequest, Remote } from "@millrace/protocol-v2/client";
import { PromisorError } from "../errors.ts";
import type { ResolveOptions } from "../promisor.ts";
import type { SharedPromisor } from "../shared-promisor.ts";
import { isForbidden } from "../tree/entry.ts";
import { namesOf } from "../tree/path.ts";
import { openTree, type TreeSource, TreeView } from "../tree/tree-view.ts";
import { diffTrees, type TreeChange } from "./diff-trees.ts";
import { editTree, type Placed } from "./edit-tree.ts";
import { formatIdentity, type Identity } from "./identity.ts";
import { packCommits } from "./pack-commits.ts";

/** What a written file is. Default: what it was, else an ordinary one. */
export type WrittenKind = "file" | "executable";

/** What a commit says. */
export interface CommitRequest {
  readonly message: string;
  readonly author: Identity;
  /** Default: the author. */
  readonly committer?: Identity | undefined;
  /** Commits that join this one, behind the one that the workspace stands on. */
  readonly mergeParents?: readonly Oid[] | undefined;
  /** Signs the commit's bytes; what it answers becomes its `gpgsig` (`gpgsig-sha256` in sha256 repositories). */
  readonly sign?: ((commit: Uint8Array) => string | Promise<string>) | undefined;
}

/** A workspace as a small value, for `openWorkspace` to restore: the objects are those of the cache. */
export interface WorkspaceState {
  /** The tree as edited. */
  readonly tree: Oid;
  /** The tree that it is compared with. */
  readonly baseTree: Oid;
  /** The commit that a new one stands on; `undefined` where there is none. */
  readonly parent: Oid | undefined;
  /** The commit that the remote repository has, and that pushes lead on from. */
  readonly pushedFrom: Oid | undefined;
}

/** How a workspace is pushed. */
export interface PushOptions extends ResolveOptions, Pick<PushRequest, "pushOptions" | "onProgress"> {
  /** Wherever the ref is, as long as it is still there when the push arrives. */
  readonly force?: boolean | undefined;
}

const MODE_TREE = 0o40000;
const MODES = { file: 0o100644, executable: 0o100755, symlink: 0o120000 } as const;

/** Opens what a name leads to for editing; see `openTree`. */
export async function openWorkspace(
  source: TreeSource,
  name: string,
  options: ResolveOptions = {},
): Promise<Workspace> {
  const { tree, commit } = await openTree(source, name, options);
  return new Workspace(source.objects, { tree, baseTree: tree, parent: commit, pushedFrom: commit });
}

/** The workspace that a state was taken of. Nothing is fetched before it is needed. */
export function restoreWorkspace(objects: SharedPromisor, state: WorkspaceState): Workspace {
  return new Workspace(objects, state);
}

/**
 * A tree under edit, as a value: every change makes a new one, whose tree is an object at once, and holding the old one is
 * holding a branch. Methods that wait throw as `SharedPromisor.resolve`; those that take a path `PROMISOR_NOT_FOUND`,
 * `PROMISOR_WRONG_KIND` and `PROMISOR_BAD_ARGUMENT`.
 */
export class Workspace {
  readonly state: WorkspaceState;
  readonly #objects: SharedPromisor;

  /** @internal Use `openWorkspace`. */
  constructor(objects: SharedPromisor, state: WorkspaceState) {
    this.#objects = objects;
    this.state = state;
  }

  /** The tree as it is now, to be read. */
  get view(): TreeView {
    return new TreeView(this.#objects, this.state.tree, undefined);
  }

  /** Whether nothing is changed. */
  get isPristine(): boolean {
    return this.state.tree === this.state.baseTree;
  }

  /** Writes a file, and the folders to it. */
  write(
    path: string,
    content: Uint8Array | string,
    options: ResolveOptions & { readonly kind?: WrittenKind | undefined } = {},
  ): Promise<Workspace> {
    const oid = this.#put(content);
    return this.#edit(path, options, (before) => {
      refuseTree(path, before);
      const isLink = before !== undefined && (before.mode & 0o170000) !== 0o100000;
      const kept = before === undefined || isLink ? MODES.file : before.mode;
      return { mode: options.kind === undefined ? kept : MODES[options.kind], oid };
    });
  }

  /** Makes a symbolic link. */
  symlink(path: string, target: string, options: ResolveOptions = {}): Promise<Workspace> {
    const oid = this.#put(target);
    return this.#edit(path, options, (before) => {
      refuseTree(path, before);
      return { mode: MODES.symlink, oid };
    });
  }

  /** Makes a file executable or an ordinary one. */
  setKind(path: string, kind: WrittenKind, options: ResolveOptions = {}): Promise<Workspace> {
    return this.#edit(path, options, (before) => {
      if (before === undefined) throw notFound(path);
      if ((before.mode & 0o170000) !== 0o100000) throw wrongKind(path, "not a file");
      return { mode: MODES[kind], oid: before.oid };
    });
  }

  /** Removes a file; a folder only with `recursive`. */
  remove(
    path: string,
    options: ResolveOptions & { readonly recursive?: boolean | undefined } = {},
  ): Promise<Workspace> {
    return this.#edit(path, options, (before) => {
      if (before === undefined) throw notFound(path);
      if (options.recursive !== true) refuseTree(path, before);
      return undefined;
    });
  }

  /** Moves a file or a folder to a path where there is nothing. */
  async rename(from: string, to: string, options: ResolveOptions = {}): Promise<Workspace> {
    let moved: Placed;
    const without = await this.#edit(from, options, (before) => {
      if (before === undefined) throw notFound(from);
      moved = { mode: before.mode, oid: before.oid };
      return undefined;
    });
    return without.#edit(to, options, (before) => {
      if (before !== undefined) throw wrongKind(to, "there already");
      return moved;
    });
  }

  /** What is changed, by path. */
  async diff(options: ResolveOptions = {}): Promise<readonly TreeChange[]> {
    const changes: TreeChange[] = [];
    const { baseTree, tree } = this.state;
    for await (const change of diffTrees(this.#objects, baseTree, tree, options)) changes.push(change);
    return changes;
  }

  /**
   * Makes a commit of the tree; the workspace that comes back stands on it.
   * Throws `PROMISOR_BAD_ARGUMENT` where nothing is changed and nothing merged, and what `sign` throws.
   */
  async commit(request: CommitRequest): Promise<{ readonly oid: Oid; readonly workspace: Workspace }> {
    const { tree, parent, pushedFrom } = this.state;
    const { author, committer = author, mergeParents = [], sign } = request;
    if (this.isPristine && parent !== undefined && mergeParents.length === 0) {
      throw new PromisorError("PROMISOR_BAD_ARGUMENT", "there is nothing to commit");
    }
    const text = request.message.endsWith("\n") ? request.message : `${request.message}\n`;
    const build = (headers: readonly ObjectHeader[]): Uint8Array =>
      encodeCommit({
        tree,
        parents: [...(parent === undefined ? [] : [parent]), ...mergeParents],
        author: formatIdentity(author),
        committer: formatIdentity(committer),
        headers,
        message: Buffer.from(text),
      });
    const signature = await sign?.(build([]));
    const name = this.#objects.format === "sha1" ? "gpgsig" : "gpgsig-sha256";
    const content = build(signature === undefined ? [] : [{ name, value: signature.replace(/\n+$/, "") }]);
    const oid = this.#objects.put("commit", content, { pin: true });
    const state = { tree, baseTree: tree, parent: oid, pushedFrom };
    return { oid, workspace: new Workspace(this.#objects, state) };
  }

  /**
   * Pushes the commits that the workspace stands on to a ref, which must be where the workspace was opened (`force` overrides
   * that): nobody else's push is lost. The workspace that comes back knows what the server has.
   * Throws as `Push.send`; `PROMISOR_BAD_ARGUMENT` where there is no commit.
   */
  async push(
    remote: Pick<Remote, "openPush">,
    ref: string,
    options: PushOptions = {},
  ): Promise<{ readonly report: PushReport; readonly workspace: Workspace }> {
    const { parent, pushedFrom } = this.state;
    if (parent === undefined) throw new PromisorError("PROMISOR_BAD_ARGUMENT", "there is no commit to push");
    const push = await remote.openPush(options);
    try {
      const there = push.refs.get(ref);
      const from = options.force === true || there === undefined ? there : pushedFrom;
      const known = new Set([
        ...push.refs.values(),
        ...push.haves,
        ...(pushedFrom === undefined ? [] : [pushedFrom]),
      ]);
      const takesThin = !push.features.has("no-thin");
      const pack = packCommits(this.#objects, parent, { known, takesThin }, options);
      const { force: _, ...sent } = options;
      const report = await push.send({ updates: [{ name: ref, from, to: parent }], pack, ...sent });
      const isThere =
        report.unpackError === undefined && report.refs.every(({ reason }) => reason === undefined);
      const state = isThere ? { ...this.state, pushedFrom: parent } : this.state;
      return { report, workspace: new Workspace(this.#objects, state) };
    } finally {
      await push[Symbol.asyncDispose]();
    }
  }

  /** The workspace with what becomes of one entry. */
  async #edit(
    path: string,
    { signal }: ResolveOptions,
    place: (before: TreeEntry | undefined) => Placed,
  ): Promise<Workspace> {
    const names = namesOf(path);
    const refuse = (name: string | undefined, mode: number): void => {
      if (name !== undefined && !isForbidden(Buffer.from(name).toString("latin1"), mode)) return;
      throw new PromisorError("PROMISOR_BAD_ARGUMENT", `nothing can be written at ${JSON.stringify(path)}`);
    };
    for (const name of names.slice(0, -1)) refuse(name, MODE_TREE);
    refuse(names.at(-1), MODES.file);
    const placed = (before: TreeEntry | undefined): Placed => {
      const after = place(before);
      if (after !== undefined) refuse(names.at(-1), after.mode);
      return after;
    };
    const tree = await editTree(this.#objects, this.state.tree, names, placed, { signal });
    return tree === this.state.tree ? this : new Workspace(this.#objects, { ...this.state, tree });
  }

  #put(content: Uint8Array | string): Oid {
    const bytes = typeof content === "string" ? Buffer.from(content) : content.slice();
    return this.#objects.put("blob", bytes, { pin: true });
  }
}

function refuseTree(path: string, before: TreeEntry | undefined): void {
  if (before !== undefined && (before.mode & 0o170000) === MODE_TREE) throw wrongKind(path, "a folder");
}

function notFound(path: string): PromisorError {
  return new PromisorError("PROMISOR_NOT_FOUND", `there is no ${JSON.stringify(path)}`);
}

function wrongKind(path: string, what: string): PromisorError {
  return new PromisorError("PROMISOR_WRONG_KIND", `${JSON.stringify(path)} is ${what}`);
}
