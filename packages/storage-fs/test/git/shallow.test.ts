import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RepositoryStore } from "@millrace/storage";
import { expect, test } from "vitest";
import { openFsStorage } from "../../src/index.ts";
import { makeTinyPack, push } from "./actions.ts";
import { git, tryGit } from "@millrace/git-lab";
import { inScratch, refLines, withSnapshot } from "./scratch.ts";

const rootsOf = (store: RepositoryStore): Promise<readonly string[]> =>
  withSnapshot(store, async (view) => [...(await view.shallow())].sort());

test("git takes the roots of a commit for its own, and we those of git", () =>
  inScratch(async (root) => {
    git(root, ["init", "--quiet", "source"]);
    const source = join(root, "source");
    for (const message of ["one", "two", "three"])
      git(source, ["commit", "--quiet", "--allow-empty", "-m", message]);
    git(root, ["clone", "--quiet", "--bare", "--depth=2", `file://${source}`, "r.git"]);
    const directory = join(root, "r.git");
    const store = await openFsStorage({ root }).open("r.git");
    const two = git(source, ["rev-parse", "HEAD~1"]).trim();
    expect(await rootsOf(store)).toEqual([two]);

    const pack = await makeTinyPack("on top");
    const refs = [{ name: "refs/heads/side", old: null, new: pack.commit }];
    expect((await push(store, pack, { refs, shallow: [pack.commit, two] })).committed).toBe(true);
    expect((await rootsOf(store)).toSorted()).toEqual([two, pack.commit].toSorted());
    expect(git(directory, ["rev-list", "--count", "--all"]).trim()).toBe("3");
    expect(tryGit(directory, ["fsck", "--strict"])).toMatchObject({ status: 0, stderr: "" });

    // What git deepens itself it takes out again.
    git(directory, ["fetch", "--quiet", "--unshallow", `file://${source}`]);
    expect(await rootsOf(store)).toEqual([pack.commit]);
  }));

test("while another writer has the shallow file, no ref moves that needs it", () =>
  inScratch(async (root) => {
    const storage = openFsStorage({ root, lockTimeoutMs: 30, sharedRepository: "0660" });
    const store = await storage.create("r.git");
    const lock = join(root, "r.git", "shallow.lock");
    await writeFile(lock, "");
    const pack = await makeTinyPack("locked");
    const refs = [
      { name: "refs/heads/a", old: null, new: pack.commit },
      { name: "refs/heads/b", old: null, new: pack.commit },
    ];
    for (const atomic of [false, true]) {
      const { refs: outcomes, committed } = await push(store, pack, { refs, atomic, shallow: [pack.commit] });
      expect([outcomes.map((outcome) => outcome?.code), committed]).toEqual([
        ["REF_LOCKED", "REF_LOCKED"],
        false,
      ]);
      expect(outcomes[0]?.message).toContain("shallow.lock exists");
    }
    expect(await refLines(store)).toEqual([]);
    expect(await readFile(lock, "utf8")).toBe("");
    await expect(store.commit({ shallow: [pack.commit] })).rejects.toMatchObject({ code: "STORAGE_IO" });

    await rm(lock);
    expect((await push(store, pack, { refs, shallow: [pack.commit] })).committed).toBe(true);
    expect(await readFile(join(root, "r.git", "shallow"), "utf8")).toBe(`${pack.commit}\n`);
    expect((await stat(join(root, "r.git", "shallow"))).mode & 0o777).toBe(0o660);
    await expect(stat(lock)).rejects.toMatchObject({ code: "ENOENT" });
  }));

test("a shallow file that does not parse is left alone", () =>
  inScratch(async (root) => {
    const store = await openFsStorage({ root }).create("r.git");
    const path = join(root, "r.git", "shallow");
    await writeFile(path, "no id\n");
    const pack = await makeTinyPack("broken");
    const refs = [{ name: "refs/heads/a", new: pack.commit }];
    await expect(push(store, pack, { refs, shallow: [pack.commit] })).rejects.toMatchObject({
      code: "STORAGE_CORRUPT",
    });
    expect(await readFile(path, "utf8")).toBe("no id\n");
    expect(await refLines(store)).toEqual([]);
  }));
