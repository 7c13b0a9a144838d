import { appendFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openCommitGraphFile, type CommitGraphFile, type ObjectFormat, oidToBytes } from "@millrace/pack";
import type { RepositoryStore } from "@millrace/storage";
import { expect, test } from "vitest";
import { git } from "@millrace/git-lab";
import { openFsRepository } from "../../src/index.ts";
import { inScratch, withSnapshot } from "./scratch.ts";

function createRepository(root: string, name: string, format: ObjectFormat = "sha1"): string {
  const directory = join(root, name);
  git(root, ["init", "--quiet", "--bare", `--object-format=${format}`, directory]);
  return directory;
}

function commitOn(directory: string, ref: string, message: string): string {
  const tree = git(directory, ["mktree"]).trim();
  const oid = git(directory, ["commit-tree", "-m", message, tree]).trim();
  git(directory, ["update-ref", ref, oid]);
  return oid;
}

function write(directory: string, ...how: string[]): void {
  git(directory, ["commit-graph", "write", "--reachable", ...how]);
}

/** What the store has, opened; `undefined` where it has nothing. */
async function opened(store: RepositoryStore): Promise<CommitGraphFile | undefined> {
  return withSnapshot(store, async (view) => {
    let file: CommitGraphFile | undefined;
    const stored = await view.commitGraph?.();
    const layers = (await stored?.read()) ?? [];
    if (stored !== undefined) {
      expect(layers.reduce((bytes, layer) => bytes + layer.length, 0)).toBe(stored.sizeBytes);
    }
    for (const bytes of layers) file = openCommitGraphFile(bytes, view.objectFormat, { below: file });
    return file;
  });
}

async function version(store: RepositoryStore): Promise<string | undefined> {
  return withSnapshot(store, async (view) => (await view.commitGraph?.())?.version);
}

test.each(["sha1", "sha256"] as const)("the commit-graph is found as one file and in layers, %s", (format) =>
  inScratch(async (root) => {
    const directory = createRepository(root, "a.git", format);
    const store = await openFsRepository(directory);
    expect(await opened(store)).toBeUndefined();
    const oids = [commitOn(directory, "refs/heads/a", "1")];
    write(directory);
    const first = await opened(store);
    expect(first?.layerCount).toBe(1);
    expect(first?.find(oidToBytes(oids[0]!))).toBe(0);
    const seen = new Set([await version(store)]);
    expect(seen).toContain(await version(store));

    // git goes on from its one file, which becomes the lowest layer.
    for (const layerCount of [2, 3]) {
      oids.push(commitOn(directory, `refs/heads/b${layerCount}`, `${layerCount}`));
      write(directory, "--split=no-merge");
      const file = await opened(store);
      expect(file?.layerCount).toBe(layerCount);
      for (const oid of oids) expect(file?.find(oidToBytes(oid))).toBeGreaterThanOrEqual(0);
      seen.add(await version(store));
    }
    write(directory);
    expect((await opened(store))?.layerCount).toBe(1);
    seen.add(await version(store));
    expect(seen.size).toBe(4);
    await store[Symbol.asyncDispose]();
  }),
);

test("layers end below one that is gone, and what is no chain names none", () =>
  inScratch(async (root) => {
    const directory = createRepository(root, "a.git");
    const store = await openFsRepository(directory);
    for (const name of ["a", "b", "c"]) {
      commitOn(directory, `refs/heads/${name}`, name);
      write(directory, "--split=no-merge");
    }
    const folder = join(directory, "objects", "info", "commit-graphs");
    const chain = join(folder, "commit-graph-chain");
    const names = (await readFile(chain, "utf8")).trimEnd().split("\n");
    expect(names).toHaveLength(3);
    await withSnapshot(store, async (view) => {
      const stored = await view.commitGraph?.();
      await rm(join(folder, `graph-${names[2]}.graph`));
      expect(await stored?.read()).toHaveLength(2);
    });
    expect((await opened(store))?.layerCount).toBe(2);
    await rm(chain);
    await writeFile(chain, `${names[0]}\n../../../config\n${names[1]}\n`);
    expect((await opened(store))?.layerCount).toBe(1);
    await rm(chain);
    await writeFile(chain, `${names[0]}\n`.repeat(100_000));
    expect(await opened(store)).toBeUndefined();
    await rm(chain);
    await mkdir(chain);
    await mkdir(join(directory, "objects", "info", "commit-graph"));
    expect(await opened(store)).toBeUndefined();
    await store[Symbol.asyncDispose]();
  }));

test("nothing is heeded that git passes over: the setting, shallow repositories, grafts", () =>
  inScratch(async (root) => {
    const directory = createRepository(root, "a.git");
    const store = await openFsRepository(directory);
    const oid = commitOn(directory, "refs/heads/a", "a");
    write(directory);
    expect(await opened(store)).toBeDefined();
    for (const value of ["false", "0", "off"]) {
      git(directory, ["config", "core.commitGraph", value]);
      expect(await opened(store)).toBeUndefined();
    }
    git(directory, ["config", "core.commitGraph", "true"]);
    expect(await opened(store)).toBeDefined();
    for (const name of ["shallow", "info/grafts"]) {
      await mkdir(join(directory, "info"), { recursive: true });
      await appendFile(join(directory, name), `${oid}\n`);
      expect(await opened(store)).toBeUndefined();
      await rm(join(directory, name));
      expect(await opened(store)).toBeDefined();
    }
    await store[Symbol.asyncDispose]();
  }));

test("a clone that borrows has the lender's until it has its own, whose layers may lie at the lender's", () =>
  inScratch(async (root) => {
    const lender = createRepository(root, "lender.git");
    const lent = commitOn(lender, "refs/heads/main", "lent");
    git(lender, ["symbolic-ref", "HEAD", "refs/heads/main"]);
    write(lender, "--split");
    const borrower = join(root, "borrower.git");
    git(root, ["clone", "--quiet", "--bare", "--shared", lender, borrower]);
    const store = await openFsRepository(borrower);
    expect((await opened(store))?.find(oidToBytes(lent))).toBe(0);
    const own = commitOn(borrower, "refs/heads/own", "own");
    write(borrower, "--split=no-merge");
    const folder = join(borrower, "objects", "info", "commit-graphs");
    expect((await readdir(folder)).filter((name) => name.endsWith(".graph"))).toHaveLength(1);
    const file = await opened(store);
    expect(file?.layerCount).toBe(2);
    expect(file?.find(oidToBytes(lent))).toBe(0);
    expect(file?.find(oidToBytes(own))).toBe(1);
    await store[Symbol.asyncDispose]();
  }));
