import { rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { git } from "./git.ts";

/** A push into a repository whose branches are checked out. */
export interface WorkTreePush {
  readonly name: string;
  readonly config?: Readonly<Record<string, string>>;
  /** What happens in the repository before the push. */
  readonly before?: (site: string) => Promise<unknown>;
  /** An empty repository instead of a clone. */
  readonly isEmpty?: true;
  readonly refspecs: readonly string[];
}

/** Pushes move the working tree. */
export const INSTEAD = { "receive.denyCurrentBranch": "updateInstead" };
const at = (cwd: string, ...args: string[]): Promise<string> => git(args, { cwd });
const linked = (site: string): Promise<string> =>
  at(site, "worktree", "add", "--quiet", `${site}-linked`, "side");
const words = ["refuse", "warn", "ignore", "true", "false", "updateInstead", "REFUSE"];

/** Each is pushed to a repository of ours and to one of the real git's. */
export const workTreePushes: readonly WorkTreePush[] = [
  { name: "a branch that is checked out", refspecs: ["next:main"] },
  { name: "the deletion of a branch that is checked out", refspecs: [":main"] },
  { name: "a branch that is not checked out", refspecs: ["next:other", "next:side", ":gone"] },
  ...words.flatMap((word): WorkTreePush[] => [
    {
      name: `denyCurrentBranch = ${word}`,
      config: { "receive.denyCurrentBranch": word },
      refspecs: ["next:main"],
    },
    {
      name: `a deletion, denyCurrentBranch = ${word}`,
      config: { "receive.denyCurrentBranch": word },
      refspecs: [":main"],
    },
    {
      name: `a deletion, denyDeleteCurrent = ${word}`,
      config: { "receive.denyCurrentBranch": "ignore", "receive.denyDeleteCurrent": word },
      refspecs: [":main"],
    },
    {
      name: `a deletion in a bare repository, denyDeleteCurrent = ${word}`,
      config: { "core.bare": "true", "receive.denyDeleteCurrent": word },
      refspecs: [":main", "next:side"],
    },
    {
      name: `a linked working tree, denyCurrentBranch = ${word}`,
      config: { "receive.denyCurrentBranch": word },
      before: linked,
      refspecs: ["next:side", ":main"],
    },
  ]),
  {
    name: "a deletion in a linked working tree",
    config: { "receive.denyCurrentBranch": "ignore" },
    before: linked,
    refspecs: [":side"],
  },

  { name: "a clean tree", config: INSTEAD, refspecs: ["next:main", "next:other"] },
  { name: "a clean tree that is rewound", config: INSTEAD, refspecs: ["+main~1:main"] },
  { name: "a clean tree, all or nothing", config: INSTEAD, refspecs: ["--atomic", "next:main", "next:side"] },
  {
    name: "a tree whose files were only touched",
    config: INSTEAD,
    before: (site) => utimes(join(site, "a.txt"), 1, 1),
    refspecs: ["next:main"],
  },
  {
    name: "unstaged changes",
    config: INSTEAD,
    before: (site) => writeFile(join(site, "a.txt"), "mine\n"),
    refspecs: ["next:main", "next:other"],
  },
  {
    name: "unstaged changes, all or nothing",
    config: INSTEAD,
    before: (site) => writeFile(join(site, "a.txt"), "mine\n"),
    refspecs: ["--atomic", "next:main", "next:other"],
  },
  {
    name: "a file that is gone",
    config: INSTEAD,
    before: (site) => rm(join(site, "a.txt")),
    refspecs: ["next:main"],
  },
  {
    name: "staged changes",
    config: INSTEAD,
    before: async (site) => {
      await writeFile(join(site, "mine.txt"), "mine\n");
      await at(site, "add", "mine.txt");
    },
    refspecs: ["next:main"],
  },
  {
    name: "an untracked file in the way",
    config: INSTEAD,
    before: (site) => writeFile(join(site, "b.txt"), "mine\n"),
    refspecs: ["next:main"],
  },
  {
    name: "an untracked file that is not in the way",
    config: INSTEAD,
    before: (site) => writeFile(join(site, "mine.txt"), "mine\n"),
    refspecs: ["next:main"],
  },
  {
    name: "an index that is locked",
    config: INSTEAD,
    before: (site) => writeFile(join(site, ".git/index.lock"), ""),
    refspecs: ["next:main"],
  },
  {
    name: "a linked working tree",
    config: INSTEAD,
    before: linked,
    refspecs: ["next:side"],
  },
  {
    name: "a linked working tree with changes",
    config: INSTEAD,
    before: async (site) => {
      await linked(site);
      await writeFile(join(`${site}-linked`, "a.txt"), "mine\n");
    },
    refspecs: ["next:side", "next:main"],
  },
  {
    name: "a linked working tree that is gone",
    config: INSTEAD,
    before: async (site) => {
      await linked(site);
      await rm(`${site}-linked`, { recursive: true });
    },
    refspecs: ["next:side"],
  },
  {
    name: "a HEAD that is detached",
    config: INSTEAD,
    before: (site) => at(site, "checkout", "--quiet", "--detach"),
    refspecs: ["next:main"],
  },
  {
    name: "a bare repository",
    config: { ...INSTEAD, "core.bare": "true" },
    refspecs: ["next:main"],
  },
  { name: "a deletion", config: { ...INSTEAD, "receive.denyDeleteCurrent": "ignore" }, refspecs: [":main"] },
  {
    name: "what is no fast-forward and must be one",
    config: { ...INSTEAD, "receive.denyNonFastForwards": "true" },
    refspecs: ["+main~1:main"],
  },
  { name: "the first branch", config: INSTEAD, isEmpty: true, refspecs: ["next:main"] },
  { name: "the first branch, another than HEAD's", config: INSTEAD, isEmpty: true, refspecs: ["next:side"] },
  {
    name: "the first branch over staged files",
    config: INSTEAD,
    isEmpty: true,
    before: async (site) => {
      await writeFile(join(site, "mine.txt"), "mine\n");
      await at(site, "add", "mine.txt");
    },
    refspecs: ["next:main"],
  },
  {
    name: "the first branch over an untracked file",
    config: INSTEAD,
    isEmpty: true,
    before: (site) => writeFile(join(site, "a.txt"), "mine\n"),
    refspecs: ["next:main"],
  },
];
