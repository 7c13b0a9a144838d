import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openFsRepository, openFsStorage } from "../../src/index.ts";
import { makeTinyPack, push } from "./actions.ts";
import { git } from "@millrace/git-lab";
import { inScratch } from "./scratch.ts";

/** The modes of everything below a directory, by its path; names made of ids are told by their kind only. */
async function modes(root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = { ".": ((await stat(root)).mode & 0o7777).toString(8) };
  for (const path of await readdir(root, { recursive: true })) {
    if (path.endsWith(".sample") || path.endsWith("FETCH_HEAD")) continue;
    const name = path
      .replace(/pack-[0-9a-f]+/, "pack-x")
      .replace(/objects\/[0-9a-f]{2}\/[0-9a-f]+$/, "objects/xx/x")
      .replace(/objects\/[0-9a-f]{2}$/, "objects/xx");
    found[name] = ((await stat(join(root, path))).mode & 0o7777).toString(8);
  }
  return found;
}

async function withUmask(mask: number, run: () => Promise<void>): Promise<void> {
  const before = process.umask(mask);
  try {
    await run();
  } finally {
    process.umask(before);
  }
}

const SETTINGS = ["umask", "group", "all", "0640", "0600", "0666", "0664", "false", "1", "2"];

describe.each([0o022, 0o077, 0o002])("under umask %o", (mask) => {
  test.each(SETTINGS)("core.sharedRepository = %s gives the modes that git gives", (value) =>
    inScratch(async (root) => {
      // Vitest may run tests in worker threads, where the umask cannot be set; git inherits the process's.
      await withUmask(mask, async () => {
        for (const name of ["ours.git", "theirs.git", "source.git"]) {
          git(root, ["init", "--quiet", "--bare", `--shared=${value}`, name]);
          git(join(root, name), ["config", "core.sharedRepository", value]);
          git(join(root, name), ["config", "core.logAllRefUpdates", "always"]);
          git(join(root, name), ["config", "receive.denyNonFastforwards", "false"]);
          git(join(root, name), ["config", "pack.writeReverseIndex", "true"]);
        }
        const pack = await makeTinyPack("shared");
        const loose = await makeTinyPack("loose");
        const refs = ["refs/heads/a/b", "refs/heads/c", "refs/tags/t"];
        await push(await openFsRepository(join(root, "source.git")), pack, {});
        await push(await openFsRepository(join(root, "source.git")), loose, {});

        const ours = await openFsRepository(join(root, "ours.git"));
        const theirs = join(root, "theirs.git");
        const steps: readonly [string, string, string][] = [
          ["transfer.unpackLimit", "1", pack.commit],
          ["transfer.unpackLimit", "100", loose.commit],
        ];
        for (const [key, limit, oid] of steps) {
          git(join(root, "ours.git"), ["config", key, limit]);
          git(theirs, ["config", key, limit]);
          const from = oid === pack.commit ? pack : loose;
          await push(ours, from, { refs: refs.map((name) => ({ name, new: oid })) });
          const wanted = refs.map((name) => `+${oid}:${name}`);
          git(join(root, "source.git"), ["push", "--quiet", theirs, ...wanted]);
          git(theirs, ["pack-refs", "--all"]);
          git(join(root, "ours.git"), ["pack-refs", "--all"]);
        }
        await ours.commit({ refs: [{ name: "refs/heads/c", new: null }] });
        git(join(root, "source.git"), ["push", "--quiet", theirs, ":refs/heads/c"]);
        const found = await modes(join(root, "ours.git"));
        expect(found).toEqual(await modes(theirs));
        expect(Object.keys(found)).toEqual(
          expect.arrayContaining(["objects/pack/pack-x.rev", "objects/xx/x", "packed-refs"]),
        );
      });
    }),
  );
});

test.each(["group", "all", "0640"])("a repository made with %s is as git init --shared makes it", (value) =>
  inScratch(async (root) => {
    await openFsStorage({ root, sharedRepository: value }).create("deep/ours.git");
    const initial = ["-c", "init.defaultBranch=main", "init", "--quiet", "--bare"];
    git(root, [...initial, `--shared=${value}`, "deep/theirs.git"]);
    expect(await modes(join(root, "deep/ours.git"))).toEqual(await modes(join(root, "deep/theirs.git")));
    const config = (name: string): string => git(join(root, "deep", name), ["config", "--list", "--local"]);
    expect(config("ours.git")).toBe(config("theirs.git"));
    expect((await stat(join(root, "deep"))).mode & 0o7777).toBe(0o777 & ~process.umask());
  }),
);

test("a value that git refuses is refused", () =>
  inScratch(async (root) => {
    const store = await openFsStorage({ root }).create("r.git");
    const pack = await makeTinyPack("refused");
    git(join(root, "r.git"), ["config", "core.sharedRepository", "0466"]);
    const refs = [{ name: "refs/heads/main", new: pack.commit }];
    await expect(store.commit({ refs })).rejects.toMatchObject({ code: "STORAGE_CORRUPT" });
  }));
