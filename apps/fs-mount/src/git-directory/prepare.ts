import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isOid, readCommitLinks } from "@millrace/pack";
import { openTree, partialCloneConfig, type SharedPromisor } from "@millrace/promisor";
import { type ConfigEntry, expandRefName, type RepositoryStore } from "@millrace/storage";
import { MountError } from "../errors.ts";
import type { Place } from "../place.ts";
import { hookConfig, writeHook } from "./fsmonitor-hook.ts";
import { Prepared } from "./schema.ts";

/** What is to be mounted, and where its git directory goes. */
export interface GitDirectoryOptions {
  /** The git directory; it is made where it is missing. */
  readonly path: string;
  /** Where the mount is, which git takes for the working tree; `undefined` where the git directory is its `.git`. */
  readonly workTree: string | undefined;
  readonly place: Place;
  /** A branch, a tag, an id or `HEAD`. */
  readonly name: string;
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

/** A branch of the remote repository. */
export interface FoundBranch {
  /** Its full name. */
  readonly branch: string;
  /** Whether its HEAD names it. */
  readonly isDefault: boolean;
}

/** The branch that the name means; `undefined` where it means a tag or an id. */
export async function findBranch({
  place,
  name,
  signal,
}: GitDirectoryOptions): Promise<FoundBranch | undefined> {
  const names = expandRefName(name);
  const found = new Map<string, string>();
  for await (const ref of place.refs.listRefs({ prefixes: ["HEAD", ...names], signal })) {
    found.set(ref.name, ref.symrefTarget ?? ref.name);
  }
  const first = names.map((each) => found.get(each)).find((each) => each !== undefined);
  if (first?.startsWith("refs/heads/") !== true) return undefined;
  return { branch: first, isDefault: found.get("HEAD") === first };
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
  { path, workTree, place, name, signal }: GitDirectoryOptions,
  store: RepositoryStore,
  objects: SharedPromisor,
  found: FoundBranch | undefined,
): Promise<Prepared> {
  const branch = found?.branch;
  const asked = branch ?? name;
  const { tree, commit } = await openTree({ objects, refs: place.refs }, asked, { signal });
  if (commit === undefined || !isOid(commit, objects.format)) {
    throw new MountError("MOUNT_BAD_STATE", `${name} leads to no commit`);
  }
  if (workTree !== undefined) await writeHook(path);
  if (branch === undefined) await writeFile(join(path, "HEAD"), `${commit}\n`);
  else {
    const short = branch.slice("refs/heads/".length);
    const refs = [branch, `refs/remotes/origin/${short}`].map((ref) => ({
      name: ref,
      old: null,
      new: commit,
    }));
    const symrefs =
      found?.isDefault === true ? [{ name: "refs/remotes/origin/HEAD", target: refs[1]!.name }] : [];
    await store.commit({ refs, symrefs, message: `mount: of ${place.address}` }, { signal });
  }
  const { content } = await objects.resolve(commit, { signal });
  const { time } = readCommitLinks(content, objects.format);
  // A commit from the future would make files that are newer than the index.
  const mtimeSeconds = Math.max(0, Math.min(time, Math.floor(Date.now() / 1000) - RACY_SECONDS));
  const prepared: Prepared = { version: 1, commit, tree, branch, mtimeSeconds };
  await writeFile(join(path, "millrace.json.new"), `${JSON.stringify(prepared)}\n`);
  await rename(join(path, "millrace.json.new"), join(path, "millrace.json"));
  return prepared;
}
