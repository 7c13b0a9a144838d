import { appendFile, mkdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { RepositoryStore } from "@millrace/storage";
import { expect, test } from "vitest";
import { createCachedDirectories } from "../../src/files/cached-directories.ts";
import { createCachedFile } from "../../src/files/cached-file.ts";
import { openFsRepository } from "../../src/index.ts";
import { createLooseRefFiles } from "../../src/refs/loose-ref-files.ts";
import { git } from "@millrace/git-lab";
import { collect, inScratch, withSnapshot } from "./scratch.ts";

/** Behind this time a file may be taken for the one it was when its times are. */
const SETTLED_MS = 2_300;

/** Everything that is remembered, as a view tells it. */
function tell(store: RepositoryStore): Promise<unknown> {
  return withSnapshot(store, async (view) => ({
    head: { oid: undefined, ...(await view.head()) },
    refs: await collect(view.refs()),
    one: await view.ref("refs/heads/loose"),
    config: (await view.config()).entries,
    borrowed: await collect(view.alternateTips()),
  }));
}

interface Repository {
  readonly path: string;
  readonly lender: string;
  readonly one: string;
  readonly two: string;
  git(...args: string[]): string;
}

/** What may happen to a repository, by git's hand or another's. */
const changes: Readonly<Record<string, (repository: Repository) => unknown>> = {
  nothing: () => undefined,
  "a ref moves": ({ git, two }) => git("update-ref", "refs/heads/loose", two),
  "a ref is written in place": ({ path, two }) => writeFile(join(path, "refs/heads/loose"), `${two}\n`),
  "a ref is written in place and its time put back": async ({ path, two }) => {
    const file = join(path, "refs/heads/loose");
    const { atime, mtime } = await stat(file);
    await writeFile(file, `${two}\n`);
    await utimes(file, atime, mtime);
  },
  "a ref is deleted": ({ git }) => git("update-ref", "-d", "refs/heads/loose"),
  "a ref is deleted by hand": ({ path }) => rm(join(path, "refs/heads/loose")),
  "a ref becomes a symbolic link": async ({ path }) => {
    await rm(join(path, "refs/heads/loose"));
    await symlink("refs/heads/packed", join(path, "refs/heads/loose"));
  },
  "a ref becomes symbolic": ({ git }) => git("symbolic-ref", "refs/heads/loose", "refs/heads/packed"),
  "a ref becomes a directory": ({ git, one }) => {
    git("update-ref", "-d", "refs/heads/loose");
    git("update-ref", "refs/heads/loose/below", one);
  },
  "a ref is new": ({ git, two }) => git("update-ref", "refs/heads/new", two),
  "a ref is new, far below": ({ git, two }) => git("update-ref", "refs/heads/a/b/c", two),
  "a directory of refs is new": ({ git, two }) => git("update-ref", "refs/else/where", two),
  "a directory of refs is another one": async ({ path }) => {
    await mkdir(join(path, "refs/other"));
    await rename(join(path, "refs/heads/deep"), join(path, "refs/other/deep"));
  },
  "refs are packed": ({ git }) => git("pack-refs", "--all"),
  "a packed ref is deleted": ({ git }) => git("update-ref", "-d", "refs/heads/packed"),
  "packed-refs goes": ({ path }) => rm(join(path, "packed-refs")),
  "packed-refs is written in place and its time put back": async ({ path, one, two }) => {
    const file = join(path, "packed-refs");
    const { atime, mtime } = await stat(file);
    await writeFile(file, (await readFile(file, "utf8")).replaceAll(one, two));
    await utimes(file, atime, mtime);
  },
  "HEAD names another branch": ({ git }) => git("symbolic-ref", "HEAD", "refs/heads/packed"),
  "HEAD names a commit": ({ git, two }) => git("update-ref", "--no-deref", "HEAD", two),
  "HEAD becomes a symbolic link": async ({ path }) => {
    await rm(join(path, "HEAD"));
    await symlink("refs/heads/packed", join(path, "HEAD"));
  },
  "a setting is new": ({ git }) => git("config", "uploadpack.allowFilter", "true"),
  "a setting is appended": ({ path }) =>
    appendFile(join(path, "config"), "[transfer]\n\thideRefs = refs/x\n"),
  "objects are borrowed": ({ path, lender }) =>
    writeFile(join(path, "objects/info/alternates"), `${join(lender, "objects")}\n`),
};

test("whatever changes is seen at once, however long it was as it is remembered", { timeout: 120_000 }, () =>
  inScratch(async (root) => {
    const lender = join(root, "lender");
    const commits = makeRepository(lender, []);
    const repositories = Object.keys(changes).map((what, i): Repository & { what: string } => {
      const path = join(root, String(i));
      const [one, two] = makeRepository(path, commits);
      return { what, path, lender, one, two, git: (...args) => git(path, args) };
    });
    await delay(SETTLED_MS);
    const stores = await Promise.all(repositories.map(({ path }) => openFsRepository(path)));
    for (const store of stores) await tell(store);
    for (const [i, repository] of repositories.entries()) {
      const before = await tell(stores[i]!);
      await changes[repository.what]!(repository);
      const after = await tell(stores[i]!);
      expect(after, repository.what).toEqual(await tell(await openFsRepository(repository.path)));
      if (repository.what !== "nothing") expect(after, repository.what).not.toEqual(before);
    }
  }),
);

/** Two commits, loose and packed refs, a tag; the same commits where they are given. */
function makeRepository(path: string, given: readonly string[]): [one: string, two: string] {
  git("/", ["init", "--quiet", "--bare", "--initial-branch=main", path]);
  const tree = git(path, ["mktree"]).trim();
  const [one, two] = ["one", "two"].map((message) => git(path, ["commit-tree", "-m", message, tree]).trim());
  expect(given.length === 0 || (given[0] === one && given[1] === two)).toBe(true);
  for (const name of ["main", "packed", "packed2"]) git(path, ["update-ref", `refs/heads/${name}`, one!]);
  git(path, ["tag", "-m", "annotated", "v1", one!]);
  git(path, ["pack-refs", "--all"]);
  for (const name of ["loose", "deep/er"]) git(path, ["update-ref", `refs/heads/${name}`, one!]);
  return [one!, two!];
}

test("what is settled is read once, and what is younger every time", { timeout: 60_000 }, () =>
  inScratch(async (root) => {
    const path = join(root, "file");
    const oid = "a".repeat(40);
    await writeFile(path, `${oid}\n`);
    let parsed = 0;
    const file = createCachedFile(() => ++parsed);
    const refs = createLooseRefFiles("sha1");
    const directories = createCachedDirectories();
    const other = (): Promise<undefined> => Promise.reject(new Error("a plain file is nobody else's"));
    const look = async () => ({
      ref: await refs.read(path, other),
      entries: await directories.read(root),
      parsed: await file.read(path),
    });
    const [first, second] = [await look(), await look()];
    expect([first.parsed, second.parsed]).toEqual([1, 2]);
    expect(second.ref).toEqual({ oid });
    expect(second.ref).not.toBe(first.ref);
    expect(second.entries).not.toBe(first.entries);
    await delay(SETTLED_MS);
    const [third, fourth] = [await look(), await look()];
    expect([third.parsed, fourth.parsed]).toEqual([3, 3]);
    expect(fourth.ref).toBe(third.ref);
    expect(fourth.entries).toBe(third.entries);
    expect(await directories.read(join(root, "none"))).toEqual([]);
    expect(await refs.read(join(root, "none"), other)).toBeUndefined();
    expect(await refs.read(join(path, "below"), other)).toBeUndefined();
    await expect(refs.read(root, other)).rejects.toThrow("nobody else's");
  }),
);
