import { appendFile, cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectFormat } from "@millrace/pack";
import { git } from "./git.ts";
import { createHistory } from "./history.ts";
import type { WorkTree } from "./work-tree.ts";

/** Repositories for whose requests our answers are held against git's. */
export const fixtureNames = [
  "history",
  "plain",
  "empty",
  "shallow",
  "borrowing",
  "hidden",
  "detached",
  "unborn",
] as const;
export type FixtureName = (typeof fixtureNames)[number];

/** All fixtures of one object format, in one folder. */
export interface Fixtures {
  readonly root: string;
  readonly format: ObjectFormat;
  /** A work tree with the whole history, and with commits on top that no fixture has. */
  readonly local: WorkTree;
  directory(name: FixtureName): string;
  /** Puts ids for `<revision>`, `<none>`, `<zero>` and `<format>`; revisions are those of `local`. */
  expand(lines: readonly string[]): Promise<string[]>;
}

/** What both servers read of a fixture's configuration, where it is not `plain`. */
const OPEN = [
  "uploadpack.allowFilter=true",
  "uploadpack.allowReachableSHA1InWant=true",
  "uploadpack.allowRefInWant=true",
  "uploadpack.allowSidebandAll=true",
];
/** git's default; Millrace's differs, and both are asked for the same. */
const PLAIN = ["uploadpack.allowFilter=false", "uploadpack.allowReachableSHA1InWant=true"];
const PUSHED = ["receive.fsckObjects=true", "receive.unpackLimit=1", "gc.auto=0"];

/** Makes all fixtures below `root`. */
export async function createFixtures(root: string, format: ObjectFormat): Promise<Fixtures> {
  await mkdir(root, { recursive: true });
  const local = await createHistory(join(root, "local"), format);
  const directory = (name: FixtureName): string => join(root, `${name}.git`);
  await decorate(local);
  const history = directory("history");
  await git(["clone", "--quiet", "--mirror", local.path, history]);
  await configure(history, [...OPEN, ...PUSHED]);
  await git(["pack-refs", "--all"], { cwd: history });
  await git(["symbolic-ref", "refs/heads/alias", "refs/heads/main"], { cwd: history });
  await git(["symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/open"], { cwd: history });
  await git(["symbolic-ref", "refs/heads/dangling", "refs/heads/nowhere"], { cwd: history });
  await git(["update-ref", "refs/pull/1/head", "open"], { cwd: history });
  await git(["update-ref", "refs/heads/open", "open~1"], { cwd: history });

  const derived = async (name: FixtureName): Promise<string> => {
    await cp(history, directory(name), { recursive: true, verbatimSymlinks: true });
    return directory(name);
  };
  const plain = await derived("plain");
  await git(["config", "--unset", "uploadpack.allowRefInWant"], { cwd: plain });
  await git(["config", "--unset", "uploadpack.allowSidebandAll"], { cwd: plain });
  await configure(plain, PLAIN);
  const hidden = await derived("hidden");
  await hide(hidden);
  await git(["update-ref", "--no-deref", "HEAD", "main~3"], { cwd: await derived("detached") });
  await git(["symbolic-ref", "HEAD", "refs/heads/not-yet"], { cwd: await derived("unborn") });
  await git(["init", "--quiet", "--bare", `--object-format=${format}`, directory("empty")]);
  await configure(directory("empty"), [...OPEN, ...PUSHED]);
  const shallow = directory("shallow");
  // Version 2 with its wanted refs would have git tell of them before the roots, which its own client does not take.
  await git([
    "-c",
    "protocol.version=0",
    "clone",
    "--quiet",
    "--bare",
    "--depth=4",
    "--no-single-branch",
    `file://${history}`,
    shallow,
  ]);
  await configure(shallow, [...OPEN, ...PUSHED]);
  await borrow(history, directory("borrowing"));

  await extend(local);
  await listObjects(local, join(history, "skip"));
  const known = new Map<string, string>();
  const idOf = async (name: string): Promise<string> => {
    const length = format === "sha1" ? 40 : 64;
    if (name === "format") return format;
    if (name === "zero" || name === "none") return (name === "zero" ? "0" : "1").repeat(length);
    return local.git("rev-parse", "--verify", name);
  };
  const expand = async (lines: readonly string[]): Promise<string[]> => {
    for (const [, name = ""] of lines.join(" ").matchAll(/<([^<> ]+)>/g)) {
      if (!known.has(name)) known.set(name, await idOf(name));
    }
    return lines.map((line) => line.replace(/<([^<> ]+)>/g, (_, name: string) => known.get(name) ?? ""));
  };
  return { root, format, local, directory, expand };
}

export async function configure(directory: string, entries: readonly string[]): Promise<void> {
  for (const entry of entries) {
    const at = entry.indexOf("=");
    await git(["config", "--add", entry.slice(0, at), entry.slice(at + 1)], { cwd: directory });
  }
}

/** Tags of tags, of a tree and of a blob, and refs outside the usual folders. */
async function decorate(local: WorkTree): Promise<void> {
  await local.git("tag", "-a", "-m", "nested", "nested", "v1");
  await local.git("tag", "-a", "-m", "deeper", "deeper", "nested");
  await local.git("tag", "-a", "-m", "of a tree", "of-tree", "main^{tree}");
  await local.git("tag", "-a", "-m", "of a blob", "of-blob", "main:README");
  await local.git("tag", "bare-blob", "main:README");
  await local.git("update-ref", "refs/notes/commits", "side0");
  await local.git("update-ref", "refs/odd", "v1~1");
}

/** Commits that only pushes bring. */
async function extend(local: WorkTree): Promise<void> {
  const tree = await local.git("rev-parse", "main^{tree}");
  const make = async (ref: string, at: string, ...parents: string[]): Promise<string> => {
    const oid = await local.git("commit-tree", at, "-m", ref, ...parents.flatMap((each) => ["-p", each]));
    await local.git("update-ref", `refs/new/${ref}`, oid);
    return oid;
  };
  const input = "fresh content\n";
  const blob = await git(["hash-object", "-w", "--stdin"], { cwd: local.path, input });
  const freshTree = await git(["mktree"], { cwd: local.path, input: `100644 blob ${blob}\tfresh\n` });
  const next = await make("next", freshTree, "main");
  await make("after", tree, next);
  await make("forced", freshTree, "main~2");
  const root = await make("root", freshTree);
  await make("above", tree, root);
  await local.git("update-ref", "refs/new/blob", blob);
  await local.git("update-ref", "refs/new/tree", freshTree);
  await local.git("tag", "-a", "-m", "new", "new-tag", next);
  const evil = await git(["mktree"], { cwd: local.path, input: `100644 blob ${blob}\t.git\n` }).catch(() =>
    git(["hash-object", "-w", "-t", "tree", "--literally", "--stdin"], {
      cwd: local.path,
      input: Buffer.concat([Buffer.from("100644 .git\0"), Buffer.from(blob, "hex")]),
    }),
  );
  await make("evil", evil);
  const bad = '[submodule "a"]\n\tpath = a\n\turl = -u./payload\n';
  const gitmodules = await git(["hash-object", "-w", "--stdin"], { cwd: local.path, input: bad });
  const withModules = `100644 blob ${gitmodules}\t.gitmodules\n`;
  await make("modules", await git(["mktree"], { cwd: local.path, input: withModules }));
}

/** Lists of objects that fsck is to pass over (git-config, `receive.fsck.skipList`). */
async function listObjects({ git: run }: WorkTree, folder: string): Promise<void> {
  const evil = await run("rev-parse", "refs/new/evil^{tree}");
  const modules = await run("rev-parse", "refs/new/modules:.gitmodules");
  const other = await run("rev-parse", "main");
  await mkdir(folder);
  for (const [name, content] of Object.entries({
    evil: `${evil}\n`,
    modules: `${other}\n${modules}\n`,
    others: `${other}\n`,
    commented: `# why\n\n  \t# again\n\t ${evil.toUpperCase()}  # that one\r\n#${other}`,
    empty: "",
    short: `${evil.slice(0, 12)}\n`,
    words: "main\n",
    two: `${other} ${evil}\n`,
  })) {
    await writeFile(join(folder, name), content);
  }
}

/** Lines of several keys whose order decides: each shows or hides what one of another key has said before. */
const HIDING = [
  ["transfer", "refs/pull"],
  ["transfer", "refs/heads/side"],
  ["transfer", "refs/heads/side1"],
  ["uploadpack", "refs/notes"],
  ["uploadpack", "!refs/tags/nested"],
  ["receive", "refs/odd"],
  ["receive", "!refs/heads/side1"],
  ["transfer", "!refs/pull/2"],
  ["transfer", "refs/tags/nested"],
  ["uploadpack", "!refs/pull/1"],
  ["receive", "!refs/tags"],
] as const;

async function hide(directory: string): Promise<void> {
  const lines = HIDING.map(([section, pattern]) => `[${section}]\n\thideRefs = ${pattern}\n`);
  await appendFile(join(directory, "config"), lines.join(""));
  await git(["update-ref", "refs/pull/2/head", "v1~2"], { cwd: directory });
}

/** A fork with a commit of its own; the rest is its origin's, which has refs that the fork has not. */
async function borrow(history: string, directory: string): Promise<void> {
  await git(["clone", "--quiet", "--bare", "--shared", history, directory]);
  await configure(directory, [...OPEN, ...PUSHED, "uploadpack.allowAnySHA1InWant=true"]);
  const cwd = directory;
  const own = await git(["commit-tree", "main^{tree}", "-p", "main~1", "-m", "own"], { cwd });
  await git(["update-ref", "refs/heads/own", own], { cwd });
  for (const ref of ["refs/heads/side0", "refs/tags/v1", "refs/tags/deeper"]) {
    await git(["update-ref", "-d", ref], { cwd });
  }
  await writeFile(join(directory, "description"), "borrowing\n");
}
