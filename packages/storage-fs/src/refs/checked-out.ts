import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { ifPresent } from "../files/fault.ts";
import type { FsRepository } from "../fs-repository.ts";
import { followSymref, readRawHead } from "./loose-ref.ts";
import { listWorkTrees, type WorkTree } from "./work-trees.ts";

/** The branches that a working tree has checked out, the main one or a linked one. */
export async function checkedOutBranches(repository: FsRepository): Promise<readonly string[]> {
  const branches = new Set<string>();
  for (const tree of await listWorkTrees(repository)) {
    for (const branch of await branchesOf(tree)) branches.add(branch);
  }
  return [...branches].sort();
}

/** The first working tree that has a branch checked out. */
export async function findWorkTree(repository: FsRepository, branch: string): Promise<WorkTree | undefined> {
  for (const tree of await listWorkTrees(repository)) {
    if ((await branchesOf(tree)).includes(branch)) return tree;
  }
  return undefined;
}

/** The branch that HEAD names; where a rebase or bisection has detached it, the branches it will go back to. */
async function branchesOf({ repository }: WorkTree): Promise<readonly string[]> {
  const raw = await readRawHead(repository);
  if (raw === undefined || raw === "broken") return [];
  if (raw.symref !== undefined) {
    const end = await followSymref(repository, "HEAD", { raw });
    return end === undefined || end.target === "HEAD" ? [] : [end.target];
  }
  const branches: string[] = [];
  const { gitDir } = repository.place;
  for (const state of ["rebase-merge", "rebase-apply"]) {
    const name = (await ifPresent(readFile(join(gitDir, state, "head-name"), "utf8")))?.trim();
    if (name?.startsWith("refs/heads/") === true) branches.push(name);
  }
  if ((await ifPresent(stat(join(gitDir, "BISECT_LOG")))) === undefined) return branches;
  const start = (await ifPresent(readFile(join(gitDir, "BISECT_START"), "utf8")))?.trim();
  if (start !== undefined && start !== "") branches.push(`refs/heads/${start.replace(/^refs\/heads\//, "")}`);
  return branches;
}
