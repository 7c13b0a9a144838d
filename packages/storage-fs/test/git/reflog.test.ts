import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RefUpdate } from "@millrace/storage";
import { expect, test, vi } from "vitest";
import { openFsRepository } from "../../src/index.ts";
import { makeTinyPack, push } from "./actions.ts";
import { git, tryGit } from "@millrace/git-lab";
import { inScratch } from "./scratch.ts";

/** Every log, by its path, with times and zones replaced. */
async function logs(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const paths = await readdir(join(directory, "logs"), { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  for (const entry of paths) {
    const path = join(entry.parentPath, entry.name).slice(directory.length + 1);
    found[path] = entry.isDirectory()
      ? "directory"
      : (await readFile(join(directory, path), "utf8")).replaceAll(/> \d+ [+-]\d{4}/g, "> TIME ZONE");
  }
  return found;
}

const BARE = ["true", "false", undefined];
const MODES = ["true", "false", "always", "Always", "1", undefined];

test.each(BARE.flatMap((bare) => MODES.map((mode) => [bare, mode] as const)))(
  "core.bare = %s, core.logAllRefUpdates = %s: the logs are those of git receive-pack",
  (bare, mode) =>
    inScratch(async (root) => {
      const [one, two] = [await makeTinyPack("log 1"), await makeTinyPack("log 2")];
      const identity = "Tess Tester <tess@example.org>";
      for (const name of ["ours.git", "theirs.git", "source.git"]) {
        const directory = join(root, name);
        git(root, ["-c", "init.defaultBranch=main", "init", "--quiet", "--bare", name]);
        const filler = await openFsRepository(directory);
        for (const pack of [one, two]) await push(filler, pack, {});
        git(directory, ["config", "receive.denyCurrentBranch", "ignore"]);
        git(directory, ["config", "receive.denyDeleteCurrent", "ignore"]);
        git(directory, ["config", "core.logAllRefUpdates", "always"]);
        git(directory, ["update-ref", "-m", "kept", "refs/tags/logged", one.commit]);
        git(directory, ["config", "--unset", "core.logAllRefUpdates"]);
        if (mode !== undefined) git(directory, ["config", "core.logAllRefUpdates", mode]);
        git(directory, ["symbolic-ref", "refs/heads/alias", "refs/heads/topic/x"]);
        git(directory, ["config", "--unset", "core.bare"]);
        if (bare !== undefined) git(directory, ["config", "core.bare", bare]);
      }
      const store = await openFsRepository(join(root, "ours.git"));
      const steps: readonly (readonly RefUpdate[])[] = [
        [
          "refs/heads/main",
          "refs/heads/topic/x",
          "refs/notes/n",
          "refs/remotes/o/r",
          "refs/other/o",
          "refs/tags/t",
        ].map((name) => ({ name, new: one.commit })),
        ["refs/heads/main", "refs/heads/alias", "refs/tags/logged"].map((name) => ({
          name,
          new: two.commit,
        })),
        [
          { name: "refs/heads/main", new: null },
          { name: "refs/notes/n", new: null },
          { name: "refs/tags/logged", new: null },
        ],
        [{ name: "refs/heads/main", new: one.commit }],
      ];
      for (const refs of steps) {
        const result = await store.commit({ refs, identity, message: "push" });
        expect(result.refs.filter((refusal) => refusal !== undefined)).toEqual([]);
        const wanted = refs.map(({ name, new: oid }) => `+${oid ?? ""}:${name}`);
        git(join(root, "source.git"), ["push", "--quiet", join(root, "theirs.git"), ...wanted]);
        expect(await logs(join(root, "ours.git"))).toEqual(await logs(join(root, "theirs.git")));
      }
      expect(git(join(root, "ours.git"), ["for-each-ref"])).toBe(
        git(join(root, "theirs.git"), ["for-each-ref"]),
      );
    }),
);

test("names and messages lose what git takes out of them", () =>
  inScratch(async (root) => {
    git(root, ["init", "--quiet", "--bare", "r.git"]);
    const directory = join(root, "r.git");
    git(directory, ["config", "core.logAllRefUpdates", "always"]);
    const pack = await makeTinyPack("crud");
    const store = await openFsRepository(directory);
    await push(store, pack, {});
    const cases = [
      ["  .Ada, <Lovelace>\n ", "ada@example.org", "  two\n\n lines\tand a tab  "],
      ['D\'Artagnan "x"', ",d@example.org;", "one"],
      ["Zoë Ünal.", "zoë@example.org", "\u00a0kept\u00a0"],
    ] as const;
    for (const [name, mail, message] of cases) {
      const environment = { GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: mail };
      await rm(join(directory, "logs"), { recursive: true, force: true });
      for (const ref of ["a", "b"]) git(directory, ["update-ref", "-d", `refs/tags/${ref}`]);
      tryGit(directory, ["update-ref", "-m", message, "refs/tags/a", pack.commit], undefined, environment);
      const identity = `${name.replaceAll(/[<>]/g, "")} <${mail}>`;
      await store.commit({ refs: [{ name: "refs/tags/b", new: pack.commit }], identity, message });
      const read = (ref: string): Promise<string> => readFile(join(directory, "logs/refs/tags", ref), "utf8");
      const bare = (text: string): string => text.replace(/> \d+ [+-]\d{4}/, "> TIME ZONE");
      expect(bare(await read("b"))).toBe(bare(await read("a")));
    }
  }));

test("times are told in the zone of the process, as git tells them", () =>
  inScratch(async (root) => {
    git(root, ["init", "--quiet", "--bare", "r.git"]);
    const directory = join(root, "r.git");
    git(directory, ["config", "core.logAllRefUpdates", "always"]);
    const pack = await makeTinyPack("zone");
    const store = await openFsRepository(directory);
    await push(store, pack, {});
    for (const [minutes, zone] of [
      [330, "+0530"],
      [-210, "-0330"],
      [0, "+0000"],
      [-45, "-0045"],
    ] as const) {
      const clock = vi.spyOn(Date.prototype, "getTimezoneOffset").mockReturnValue(-minutes);
      try {
        const name = `refs/tags/z${minutes}`;
        await store.commit({
          refs: [{ name, new: pack.commit }],
          identity: "A <a@example.org>",
          message: "m",
        });
        expect(await readFile(join(directory, "logs", name), "utf8")).toContain(` ${zone}\tm\n`);
        expect(git(directory, ["reflog", "show", "--format=%gs", name])).toBe("m\n");
      } finally {
        clock.mockRestore();
      }
    }
  }));
