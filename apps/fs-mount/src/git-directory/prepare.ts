import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isOid, type ObjectFormat, type Oid, readCommitLinks } from "@millrace/pack";
import {
  createPromisor,
  openTree,
  partialCloneConfig,
  SharedPromisor,
  type StoreCache,
} from "@millrace/promisor";
import { type ConfigEntry, expandRefName, type RepositoryStore } from "@millrace/storage";
import { MountError } from "../errors.ts";
import type { Place, PlaceSetting } from "../place.ts";
import { hookConfig, writeHook } from "./fsmonitor-hook.ts";
import { type ArrivedRoot, RootWatch } from "./root-watch.ts";
import { Prepared } from "./schema.ts";
import { upstreamRef } from "./upstream.ts";

/** What is to be mounted, and where its git directory goes. */
export interface GitDirectoryOptions {
  /** The git directory; it is made where it is missing. */
  readonly path: string;
  /** Where the mount is, which git takes for the working tree; `undefined` where the git directory is its `.git`. */
  readonly workTree: string | undefined;
  readonly place: Place;
  /** The state folder of a mount for which somebody has brought the git directory; `undefined` where it is ours. */
  readonly broughtFor?: string | undefined;
  /** A branch, a tag, an id or `HEAD`. */
  readonly name: string;
  /** The commit that the name must lead to, in full; HEAD then names it, and no branch. */
  readonly requireCommit?: string | undefined;
  /** The settings of its working tree lie in a file of their own, as those of a sparse checkout do (`extensions.worktreeConfig`). Default false. */
  readonly hasOwnSettings?: boolean | undefined;
  /** Commits from the mounted one on that belong to its history here. Default: all. */
  readonly depth?: number | undefined;
  /** As `MountedTreesOptions.patienceMs`. */
  readonly treeWaitMs?: number | undefined;
  /** Told of the commit and its root as soon as they have come, where nothing was prepared before: what lies here is still to follow. */
  readonly onRoot?: ((prepared: Prepared, format: ObjectFormat, content: Uint8Array) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Whole seconds that a file is older than the index at least: git looks into files of the same second. */
const RACY_SECONDS = 2;

/** What was prepared; `undefined` where nothing was, or it did not come to its end. */
export async function readPrepared(path: string): Promise<Prepared | undefined> {
  let text: string;
  try {
    text = await readFile(join(path, "millrace.json"), "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOENT") throw error;
    const isEmpty = (await readdir(path).catch(() => [])).length === 0;
    const config = isEmpty ? "[millrace]" : await readFile(join(path, "config"), "utf8").catch(() => "");
    if (config.includes("[millrace]")) return undefined;
    throw new MountError("MOUNT_BAD_STATE", `there is something at ${path} that no mount has made`);
  }
  const parsed = Prepared.safeParse(tryJson(text));
  if (!parsed.success) {
    throw new MountError("MOUNT_BAD_STATE", `${path}/millrace.json is damaged`, { cause: parsed.error });
  }
  return parsed.data;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a name means in the remote repository. */
export interface FoundName {
  /** Its full name; `undefined` where it is an id. */
  readonly ref: string | undefined;
  /** Where it leads now. */
  readonly oid: Oid | undefined;
  /** The branch that HEAD is to name; `undefined` where it is to name a commit. */
  readonly branch: string | undefined;
  /** Whether the remote HEAD names it. */
  readonly isDefault: boolean;
}

/** What the name means. */
export async function findName({
  place,
  name,
  requireCommit,
  signal,
}: GitDirectoryOptions): Promise<FoundName> {
  const names = expandRefName(name);
  const found = new Map<string, { readonly name: string; readonly oid: Oid | undefined }>();
  for await (const ref of place.refs.listRefs({ prefixes: ["HEAD", ...names], signal })) {
    found.set(ref.name, { name: ref.symrefTarget ?? ref.name, oid: ref.oid });
  }
  const first = names.map((each) => found.get(each)).find((each) => each !== undefined);
  const ref = first?.name.startsWith("refs/") === true ? first.name : undefined;
  const isBranch = ref?.startsWith("refs/heads/") === true && requireCommit === undefined;
  const isDefault = isBranch && found.get("HEAD")?.name === ref;
  return { ref, oid: first?.oid, branch: isBranch ? ref : undefined, isDefault };
}

/** Those that are to be there. */
export function definedSettings(settings: readonly PlaceSetting[]): ConfigEntry[] {
  return settings.flatMap(({ key, value }) => (value === undefined ? [] : [{ key, value }]));
}

/** The configuration that git finds. */
export function configFor(
  { path, workTree, place, hasOwnSettings = false }: GitDirectoryOptions,
  branch: string | undefined,
): ConfigEntry[] {
  const short = branch?.slice("refs/heads/".length);
  return [
    // What the mount offers, whatever the file system has that the git directory lies on.
    { key: "core.bare", value: "false" },
    ...(workTree === undefined ? [] : [{ key: "core.worktree", value: workTree }, ...hookConfig(path)]),
    { key: "core.symlinks", value: "true" },
    { key: "core.ignorecase", value: "false" },
    { key: "millrace.mount", value: "true" },
    ...(hasOwnSettings ? [{ key: "extensions.worktreeconfig", value: "true" }] : []),
    ...partialCloneConfig({ url: place.url }),
    ...definedSettings(place.gitSettings),
    ...(short === undefined || branch === undefined
      ? []
      : [
          { key: `branch.${short}.remote`, value: "origin" },
          { key: `branch.${short}.merge`, value: branch },
        ]),
  ];
}

/** The filters of a first fetch: the root is enough to begin with, and not every server tells trees by their depth. */
const ROOT_FILTERS = ["tree:1", "blob:none"] as const;

/** A commit that is here with its root. */
interface FetchedRoot {
  readonly commit: Oid | undefined;
  readonly tree: Oid;
  readonly content: Uint8Array;
}

/** Fetches the commit with its root, or with all its trees where the server refuses less. */
async function fetchRoot(
  { place, name, signal }: GitDirectoryOptions,
  store: StoreCache,
  { oid }: FoundName,
  onArrived: (root: ArrivedRoot) => void,
): Promise<FetchedRoot> {
  let refused: unknown;
  for (const filter of ROOT_FILTERS) {
    const promisor = await createPromisor(place.source, { fetch: { filter, depth: 1 } });
    const objects = new SharedPromisor(promisor, { store });
    try {
      if (oid !== undefined) {
        await objects.deliver([oid], new RootWatch(oid, store.format, onArrived), { signal });
      }
      const { tree, commit } = await openTree({ objects, refs: place.refs }, oid ?? name, { signal });
      await objects.resolve(tree, { signal });
      const { content } = await objects.resolve(commit ?? tree, { signal });
      return { tree, commit, content };
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== "PROTOCOL_REMOTE_FAILED") throw error;
      refused ??= error;
    }
  }
  throw refused;
}

/**
 * When a commit came that is mounted, and the time of its files.
 * @param time of the commit, in seconds
 * @param nowSeconds one time for all that is told of a mount: its files have one
 */
export function acquiredAt(
  time: number,
  nowSeconds: number,
): Pick<Prepared, "version" | "acquiredSeconds" | "mtimeSeconds"> {
  // A commit from the future would make files that are newer than the index.
  const mtimeSeconds = Math.max(0, Math.min(time, nowSeconds - RACY_SECONDS));
  return { version: 1, acquiredSeconds: nowSeconds, mtimeSeconds };
}

/** Fetches the commit with its root, and writes what leads to it; `millrace.json` comes last. */
export async function prepare(
  options: GitDirectoryOptions,
  store: RepositoryStore,
  cache: StoreCache,
  found: FoundName,
): Promise<Prepared> {
  const { path, workTree, place, name, requireCommit, signal, onRoot } = options;
  const { ref, branch, isDefault } = found;
  const nowSeconds = Math.floor(Date.now() / 1000);
  const describe = (commit: Oid, tree: Oid, content: Uint8Array): Prepared => {
    const { time } = readCommitLinks(content, cache.format);
    return { ...acquiredAt(time, nowSeconds), commit, tree, branch, ref, requiredCommit: requireCommit };
  };
  const { tree, commit, content } = await fetchRoot(options, cache, found, (root) => {
    if (requireCommit !== undefined && root.commit !== requireCommit) return;
    onRoot?.(describe(root.commit, root.tree, root.commitContent), cache.format, root.treeContent);
  });
  if (commit === undefined || !isOid(commit, cache.format)) {
    throw new MountError("MOUNT_BAD_STATE", `${name} leads to no commit`);
  }
  if (requireCommit !== undefined && commit !== requireCommit) {
    throw new MountError("MOUNT_SOURCE_CHANGED", `${name} is ${commit}, and not ${requireCommit}`, {
      oid: commit,
    });
  }
  const refs = ref === undefined ? [] : [upstreamRef(ref)];
  if (workTree !== undefined) await writeHook(path);
  if (branch === undefined) await writeFile(join(path, "HEAD"), `${commit}\n`);
  else refs.push(branch, `refs/remotes/origin/${branch.slice("refs/heads/".length)}`);
  if (refs.length > 0) {
    await store.commit(
      {
        refs: refs.map((each) => ({ name: each, old: null, new: commit })),
        symrefs: isDefault ? [{ name: "refs/remotes/origin/HEAD", target: refs[2]! }] : [],
        message: `mount: of ${place.address}`,
      },
      { signal },
    );
  }
  const prepared = describe(commit, tree, content);
  await writeFile(join(path, "millrace.json.new"), `${JSON.stringify(prepared)}\n`);
  await rename(join(path, "millrace.json.new"), join(path, "millrace.json"));
  return prepared;
}
