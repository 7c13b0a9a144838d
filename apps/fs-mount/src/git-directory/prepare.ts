import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isOid, readCommitLinks } from "@millrace/pack";
import { openTree, partialCloneConfig, type SharedPromisor } from "@millrace/promisor";
import { type ConfigEntry, expandRefName, type RepositoryStore } from "@millrace/storage";
import { MountError } from "../errors.ts";
import type { Place } from "../place.ts";
import { hookConfig, writeHook } from "./fsmonitor-hook.ts";
import { Prepared } from "./schema.ts";
import { upstreamRef } from "./upstream.ts";

/** What is to be mounted, and where its git directory goes. */
export interface GitDirectoryOptions {
  /** The git directory; it is made where it is missing. */
  readonly path: string;
  /** Where the mount is, which git takes for the working tree; `undefined` where the git directory is its `.git`. */
  readonly workTree: string | undefined;
  readonly place: Place;
  /** A branch, a tag, an id or `HEAD`. */
  readonly name: string;
  /** The commit that the name must lead to, in full; HEAD then names it, and no branch. */
  readonly requireCommit?: string | undefined;
  /** Commits from the mounted one on that belong to its history here. Default: all. */
  readonly depth?: number | undefined;
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
  const found = new Map<string, string>();
  for await (const ref of place.refs.listRefs({ prefixes: ["HEAD", ...names], signal })) {
    found.set(ref.name, ref.symrefTarget ?? ref.name);
  }
  const first = names.map((each) => found.get(each)).find((each) => each !== undefined);
  const ref = first?.startsWith("refs/") === true ? first : undefined;
  const isBranch = ref?.startsWith("refs/heads/") === true && requireCommit === undefined;
  return { ref, branch: isBranch ? ref : undefined, isDefault: isBranch && found.get("HEAD") === ref };
}

/** The configuration that git finds. */
export function configFor(
  { path, workTree, place }: GitDirectoryOptions,
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
    ...partialCloneConfig({ url: place.url }),
    ...(short === undefined || branch === undefined
      ? []
      : [
          { key: `branch.${short}.remote`, value: "origin" },
          { key: `branch.${short}.merge`, value: branch },
        ]),
  ];
}

/** Fetches the commit with its trees, and writes what leads to it; `millrace.json` comes last. */
export async function prepare(
  { path, workTree, place, name, requireCommit, signal }: GitDirectoryOptions,
  store: RepositoryStore,
  objects: SharedPromisor,
  { ref, branch, isDefault }: FoundName,
): Promise<Prepared> {
  const asked = ref ?? name;
  const { tree, commit } = await openTree({ objects, refs: place.refs }, asked, { signal });
  if (commit === undefined || !isOid(commit, objects.format)) {
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
  const { content } = await objects.resolve(commit, { signal });
  const { time } = readCommitLinks(content, objects.format);
  // A commit from the future would make files that are newer than the index.
  const mtimeSeconds = Math.max(0, Math.min(time, Math.floor(Date.now() / 1000) - RACY_SECONDS));
  const acquiredSeconds = Math.floor(Date.now() / 1000);
  const prepared: Prepared = {
    version: 1,
    commit,
    tree,
    branch,
    ref,
    requiredCommit: requireCommit,
    acquiredSeconds,
    mtimeSeconds,
  };
  await writeFile(join(path, "millrace.json.new"), `${JSON.stringify(prepared)}\n`);
  await rename(join(path, "millrace.json.new"), join(path, "millrace.json"));
  return prepared;
}
