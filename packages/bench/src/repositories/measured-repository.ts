import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { git } from "../process/git.ts";
import type { Ref } from "../wire/push.ts";

/** The repository that is measured: a bare copy in one pack with a bitmap. */
export interface MeasuredRepository {
  /** The bare repository's directory. */
  readonly path: string;
  readonly packPath: string;
  readonly refs: readonly Ref[];
  /** The commit that stands for the newest state. */
  readonly tip: string;
  readonly facts: RepositoryFacts;
}

/** What results say about the repository they were measured on. */
export interface RepositoryFacts {
  readonly name: string;
  readonly objects: number;
  readonly packBytes: number;
  readonly refs: number;
}

/** Copies a repository or bundle and packs the copy; what the bench does to it leaves the original alone. */
export async function copyRepository(from: string, path: string, name: string): Promise<MeasuredRepository> {
  const source = resolve(from);
  await git("/", ["clone", "--quiet", "--mirror", "--no-local", source, path]);
  return measuredRepository(path, name);
}

/**
 * Packs a bare repository into one pack with a bitmap and looks at what it holds. Throws for what cannot be measured:
 * sha256 and shallow clones. Deltas are kept as they are up to
 * `chainDepth`, by default git's own limit.
 */
export async function measuredRepository(
  path: string,
  name: string,
  chainDepth = 50,
): Promise<MeasuredRepository> {
  const format = await git(path, ["rev-parse", "--show-object-format"]);
  if (format !== "sha1") throw new Error(`${name}: the bench measures sha1 repositories, this is ${format}`);
  if ((await git(path, ["rev-parse", "--is-shallow-repository"])) === "true") {
    throw new Error(`${name} is a shallow clone: the bench needs whole histories`);
  }
  for (const [key, value] of Object.entries(SERVED)) await git(path, ["config", key, value]);
  await git(path, ["repack", "-adbq", `--depth=${chainDepth}`]);
  await git(path, ["pack-refs", "--all"]);
  const pack = (await readdir(join(path, "objects/pack"))).find((file) => file.endsWith(".pack"));
  if (pack === undefined) throw new Error(`${name} is empty`);
  const packPath = join(path, "objects/pack", pack);
  const listed = await git(path, ["for-each-ref", "--format=%(objectname) %(refname)"]);
  const refs = listed.split("\n").map((line) => ({ oid: line.slice(0, 40), name: line.slice(41) }));
  return {
    path,
    packPath,
    refs,
    tip: await newestCommit(path),
    facts: {
      name,
      objects: await packedObjects(packPath),
      packBytes: (await stat(packPath)).size,
      refs: refs.length,
    },
  };
}

/** What lets git's own server do all that is measured. */
const SERVED: Readonly<Record<string, string>> = {
  "uploadpack.allowFilter": "true",
  "uploadpack.allowAnySHA1InWant": "true",
  "gc.auto": "0",
};

async function newestCommit(path: string): Promise<string> {
  const head = await git(path, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).catch(() => undefined);
  return head ?? git(path, ["rev-list", "--all", "-n1"]);
}

async function packedObjects(packPath: string): Promise<number> {
  // The index's fan-out table ends with the number of all objects (gitformat-pack).
  return (await readFile(packPath.replace(/\.pack$/, ".idx"))).readUInt32BE(8 + 255 * 4);
}
