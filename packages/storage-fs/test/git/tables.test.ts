import { spawn } from "node:child_process";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CommitRequest, type RepositoryStore, StorageError } from "@millrace/storage";
import { mergeTables, openTable } from "@millrace/storage/reftable";
import fc from "fast-check";
import { describe, expect, test, type TestContext } from "vitest";
import { openFsRepository, openFsStorage } from "../../src/index.ts";
import { FORMAT, makeTinyPack, push } from "./actions.ts";
import { findNewerGit, runNewerGit } from "@millrace/git-lab";
import { collect, inScratch, refLines, withSnapshot } from "./scratch.ts";

const newer = findNewerGit();

/** Runs a test in a directory of its own, with that git; says why where there is none. */
async function inScratchOfGit(ctx: TestContext, use: (root: string) => Promise<void>): Promise<void> {
  if (newer.path === undefined) ctx.skip(newer.why);
  await inScratch(use);
}

function git(cwd: string, args: readonly string[], input?: string): string {
  return runNewerGit(newer.path as string, cwd, args, input);
}

function gitRefs(directory: string): string[] {
  return git(directory, ["for-each-ref", FORMAT]).split("\n").slice(0, -1);
}

/** A repository of ours, and in its packs commits and a tag of a tag. */
async function makeRepository(root: string, name = "r.git", objectFormat: "sha1" | "sha256" = "sha1") {
  const storage = openFsStorage({ root, fsync: "off", refFormat: "reftable" });
  const store = await storage.create(name, { objectFormat });
  const directory = join(root, name);
  const tree = git(directory, ["mktree"]).trim();
  const commits = ["1", "2", "3"].map((message) =>
    git(directory, ["commit-tree", "-m", message, tree]).trim(),
  ) as [string, string, string];
  const tagOf = (type: string, oid: string): string =>
    git(
      directory,
      ["mktag"],
      `object ${oid}\ntype ${type}\ntag t\ntagger A <a@example.org> 1 +0000\n\nt\n`,
    ).trim();
  const tag = tagOf("tag", tagOf("commit", commits[0]));
  return { store, directory, commits, tag };
}

/** Checks that git and we see the same, and that git finds nothing to complain about. */
async function expectAgreement(directory: string, store: RepositoryStore): Promise<void> {
  expect(await refLines(store)).toEqual(gitRefs(directory));
  git(directory, ["refs", "verify"]);
  expect(git(directory, ["fsck", "--strict", "--no-dangling"])).toBe("");
  const left = (await readdir(directory, { recursive: true })).filter((path) =>
    /\.lock$|\.temp\./.test(path),
  );
  expect(left).toEqual([]);
}

/** What all logs say, but for when. */
async function readLogs(directory: string): Promise<string[]> {
  const list = await readFile(join(directory, "reftable/tables.list"), "utf8");
  const tables = list
    .trim()
    .split("\n")
    .map(async (name) => {
      const bytes = await readFile(join(directory, "reftable", name));
      const read = async (offset: number, length: number): Promise<Uint8Array> =>
        bytes.subarray(offset, offset + length);
      return openTable({ sizeBytes: bytes.length, read });
    });
  const lines: string[] = [];
  for await (const batch of mergeTables(await Promise.all(tables)).logs()) {
    for (const { key, move } of batch) {
      const texts = [move?.name, move?.email, move?.message].map((text) =>
        Buffer.from(text ?? []).toString(),
      );
      lines.push([key, move?.old, move?.new, ...texts].join(" "));
    }
  }
  return lines;
}

describe("repositories with ref tables", () => {
  test.for(["sha1", "sha256"] as const)("of %s that are made here are git's", (objectFormat, ctx) =>
    inScratchOfGit(ctx, async (root) => {
      const { store, directory, commits, tag } = await makeRepository(root, "r.git", objectFormat);
      expect(git(directory, ["symbolic-ref", "HEAD"])).toBe("refs/heads/main\n");
      expect(git(directory, ["rev-parse", "--show-ref-format"])).toBe("reftable\n");
      const refs = [
        { name: "refs/heads/main", new: commits[0] },
        { name: "refs/tags/v1", new: tag },
        { name: "refs/tags/light", new: commits[1] },
      ];
      expect((await store.commit({ refs, atomic: true })).committed).toBe(true);
      await expectAgreement(directory, store);
      await withSnapshot(store, async (view) => {
        expect(await view.head()).toEqual({ symref: "refs/heads/main", oid: commits[0] });
        expect(await view.ref("refs/tags/v1")).toEqual({
          name: "refs/tags/v1",
          oid: tag,
          peeled: commits[0],
        });
        expect(await view.ref("refs/tags/light")).toMatchObject({ peeled: null });
      });
      const kept = openFsStorage({ root });
      expect(kept.capabilities.atomicRefs).toBe(false);
      expect((await kept.open("r.git")).capabilities.atomicRefs).toBe(true);
    }),
  );

  test("tell what a tag points to, be it loose or in the pack that comes with it", (ctx) =>
    inScratchOfGit(ctx, async (root) => {
      const { store, directory, commits, tag } = await makeRepository(root);
      await store.commit({ refs: [{ name: "refs/tags/loose", new: tag }] });
      git(directory, ["repack", "-adq"]);
      await store.commit({ refs: [{ name: "refs/tags/packed", new: tag }] });
      const missing = "1".repeat(40);
      await store.commit({ refs: [{ name: "refs/tags/missing", new: missing }] });
      await withSnapshot(store, async (view) => {
        const told = (await collect(view.refs())).map(({ name, peeled }) => [name, peeled]);
        expect(told).toEqual([
          ["refs/tags/loose", commits[0]],
          ["refs/tags/missing", null],
          ["refs/tags/packed", commits[0]],
        ]);
      });
    }));

  test("stay git's under any sequence of changes by either side", (ctx) =>
    inScratchOfGit(ctx, async (root) => {
      const name = fc
        .constantFrom("heads/a", "heads/a/b", "heads/b", "heads/b/c/d", "tags/t", "notes/n", "heads/ü")
        .map((leaf) => `refs/${leaf}`);
      const step = fc.record({
        by: fc.constantFrom("git", "us", "us", "pack"),
        names: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
        value: fc.constantFrom(0, 1, 2, 3, null),
      });
      let count = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
          const { store, directory, commits, tag } = await makeRepository(root, `r${count++}.git`);
          git(directory, ["config", "core.logAllRefUpdates", "true"]);
          for (const { by, names, value } of steps) {
            if (by === "pack") git(directory, ["pack-refs", ...(value === 0 ? ["--auto"] : ["--all"])]);
            else if (by === "git") {
              for (const each of names) {
                const next = value === null ? "0".repeat(40) : commits[value % 3];
                try {
                  git(directory, ["update-ref", "-m", "theirs", each, next as string]);
                } catch {
                  // A directory is in the way.
                }
              }
            } else {
              const refs = names.map((each) => {
                const isTag = value === 3 && each.startsWith("refs/tags/");
                return {
                  name: each,
                  new: value === null ? null : isTag ? tag : (commits[value % 3] as string),
                };
              });
              await store.commit({
                refs,
                identity: "A <a@example.org>",
                message: "ours",
                atomic: value === 1,
              });
            }
            expect(await refLines(store)).toEqual(gitRefs(directory));
          }
          await expectAgreement(directory, store);
        }),
        { numRuns: 8 },
      );
    }));

  test("have the logs that git's own receive-pack writes", (ctx) =>
    inScratchOfGit(ctx, async (root) => {
      for (const [round, mode] of [undefined, "true", "always"].entries()) {
        const ours = await makeRepository(root, `ours${round}.git`);
        const theirs = await makeRepository(root, `theirs${round}.git`);
        const [one, two] = ours.commits;
        for (const { directory } of [ours, theirs]) {
          git(directory, ["config", "receive.denyDeleteCurrent", "ignore"]);
          git(directory, ["config", "core.logAllRefUpdates", "always"]);
          git(directory, ["update-ref", "-m", "kept", "refs/tags/logged", one]);
          git(directory, ["config", "--unset", "core.logAllRefUpdates"]);
          if (mode !== undefined) git(directory, ["config", "core.logAllRefUpdates", mode]);
        }
        const steps: [string, string | null][][] = [
          ["refs/heads/main", "refs/heads/topic/x", "refs/notes/n", "refs/other/o", "refs/tags/t"].map(
            (each) => [each, one],
          ),
          [
            ["refs/heads/main", two],
            ["refs/tags/logged", two],
          ],
          [
            ["refs/heads/main", null],
            ["refs/tags/logged", null],
          ],
          [["refs/heads/main", one]],
        ];
        for (const step of steps) {
          const refs = step.map(([name, next]) => ({ name, new: next }));
          await ours.store.commit({ refs, identity: "Tess Tester <tess@example.org>", message: "push" });
          const wanted = step.map(([name, next]) => `+${next ?? ""}:${name}`);
          git(ours.directory, ["push", "--quiet", theirs.directory, ...wanted]);
          expect(await readLogs(ours.directory)).toEqual(await readLogs(theirs.directory));
        }
        await expectAgreement(ours.directory, ours.store);
      }
    }));

  test("lose no change when git and several of us write at once", (ctx) =>
    inScratchOfGit(ctx, async (root) => {
      const { store, directory, commits } = await makeRepository(root);
      git(directory, ["config", "reftable.lockTimeout", "20000"]);
      const writers = [0, 1, 2].map(async (writer) => {
        const own = await openFsRepository(directory, { lockTimeoutMs: 20_000 });
        for (let i = 0; i < 25; i++) {
          const { refs } = await own.commit({
            refs: [{ name: `refs/heads/w${writer}/${i}`, old: null, new: commits[i % 3] as string }],
          });
          expect(refs).toEqual([undefined]);
        }
      });
      const lines = Array.from(
        { length: 25 },
        (_, i) => `start\ncreate refs/heads/git/${i} ${commits[i % 3]}\ncommit\n`,
      );
      const theirs = new Promise<number | null>((resolve) => {
        const child = spawn(newer.path as string, ["update-ref", "--stdin"], {
          cwd: directory,
          stdio: ["pipe", "ignore", "inherit"],
        });
        child.on("close", resolve);
        child.stdin.end(lines.join(""));
      });
      let isDone = false;
      const reader = (async () => {
        while (!isDone) {
          const seen = await refLines(store);
          expect(new Set(seen).size).toBe(seen.length);
        }
      })();
      await Promise.all(writers);
      expect(await theirs).toBe(0);
      isDone = true;
      await reader;
      expect(gitRefs(directory)).toHaveLength(100);
      await expectAgreement(directory, store);
      const tables = (await readFile(join(directory, "reftable/tables.list"), "utf8")).trim().split("\n");
      expect(tables.length).toBeLessThan(12);
    }));

  test("of linked worktrees have HEADs and some refs of their own", (ctx) =>
    inScratchOfGit(ctx, async (root) => {
      const main = join(root, "main");
      git(root, ["init", "--quiet", "--ref-format=reftable", "--initial-branch=main", main]);
      git(main, ["commit", "--quiet", "--allow-empty", "-m", "one"]);
      git(main, ["worktree", "add", "--quiet", "-b", "side", join(root, "linked")]);
      const linked = join(root, "linked");
      const next = git(main, ["commit-tree", "-m", "two", "HEAD^{tree}"]).trim();
      const commit = git(main, ["rev-parse", "HEAD"]).trim();
      git(linked, ["update-ref", "refs/bisect/bad", commit]);
      git(main, ["update-ref", "refs/bisect/good", commit]);
      for (const directory of [main, linked]) {
        const store = await openFsRepository(directory);
        expect(await refLines(store)).toEqual(gitRefs(directory));
        await withSnapshot(store, async (view) => {
          expect((await view.head()).symref).toBe(`refs/heads/${directory === main ? "main" : "side"}`);
          expect(await view.checkedOut?.()).toEqual(["refs/heads/main", "refs/heads/side"]);
        });
        const request: CommitRequest = {
          refs: [
            { name: "refs/worktree/x", new: commit },
            { name: "refs/heads/shared", new: commit },
            { name: `refs/heads/${directory === main ? "main" : "side"}`, new: next },
          ],
          identity: "A <a@example.org>",
          message: "moved",
        };
        expect((await store.commit(request)).refs).toEqual([undefined, undefined, undefined]);
        expect(await refLines(store)).toEqual(gitRefs(directory));
        const log = git(directory, ["reflog", "show", "--format=%gs", "HEAD"]);
        expect(log.split("\n")[0]).toBe("moved");
        git(directory, ["refs", "verify"]);
      }
    }));

  test("say who holds their lock, and are left as they were", (ctx) =>
    inScratchOfGit(ctx, async (root) => {
      const { directory, commits } = await makeRepository(root);
      const store = await openFsRepository(directory, { lockTimeoutMs: 20 });
      const lock = join(directory, "reftable/tables.list.lock");
      await writeFile(lock, "");
      const refs = [{ name: "refs/heads/main", new: commits[0] }];
      const [refusal] = (await store.commit({ refs })).refs;
      expect(refusal).toMatchObject({ code: "REF_LOCKED", message: expect.stringContaining(lock) });
      await rm(lock);
      expect((await store.commit({ refs })).refs).toEqual([undefined]);
      expect(git(directory, ["rev-parse", "main"]).trim()).toBe(commits[0]);
    }));

  test("that are damaged are refused with the file's name", (ctx) =>
    inScratchOfGit(ctx, async (root) => {
      const { store, directory, commits } = await makeRepository(root);
      await store.commit({ refs: [{ name: "refs/heads/main", new: commits[0] }] });
      const list = join(directory, "reftable/tables.list");
      const names = await readFile(list, "utf8");
      const cases: Record<string, string> = {
        "../../../etc/passwd\n": "STORAGE_CORRUPT",
        "\n": "STORAGE_CORRUPT",
        [`${names}0x000000000009-0x000000000009-00000009.ref\n`]: "STORAGE_CORRUPT",
      };
      for (const [content, code] of Object.entries(cases)) {
        await writeFile(list, content);
        const again = await openFsRepository(directory);
        const read = withSnapshot(again, async (view) => collect(view.refs()));
        await expect(read).rejects.toMatchObject({ code });
      }
      await writeFile(list, names);
      const table = join(directory, "reftable", names.trim().split("\n").at(-1) as string);
      const bytes = await readFile(table);
      bytes[bytes.length - 3]! ^= 1;
      await writeFile(table, bytes);
      const damaged = await openFsRepository(directory);
      const error = await withSnapshot(damaged, async (view) => collect(view.refs())).catch(
        (fault: unknown) => fault,
      );
      expect(error).toBeInstanceOf(StorageError);
      expect(error).toMatchObject({ code: "STORAGE_CORRUPT", key: table });
    }));

  test("take names and messages as long as their blocks allow, and large commits at once", (ctx) =>
    inScratchOfGit(ctx, async (root) => {
      const { store, directory, commits } = await makeRepository(root);
      git(directory, ["config", "core.logAllRefUpdates", "always"]);
      const long = `refs/heads/${"x".repeat(200)}/${"y".repeat(1500)}`;
      const tooLong = `refs/heads/${"z".repeat(4000)}`;
      const many = Array.from({ length: 600 }, (_, i) => `refs/heads/many/${i}`);
      const refs = [long, tooLong, ...many].map((name) => ({ name, new: commits[0] }));
      const result = await store.commit({ refs, identity: "A <a@example.org>", message: "m".repeat(9000) });
      expect(result.refs.flatMap((refusal) => refusal?.code ?? [])).toEqual(["REF_NAME_INVALID"]);
      await expectAgreement(directory, store);
      expect(git(directory, ["reflog", "show", "--format=%gs", "refs/heads/many/7"]).length).toBeGreaterThan(
        1900,
      );
      const clash = await store.commit({
        refs: [...many.map((name) => ({ name, new: null })), { name: "refs/heads/many", new: commits[1] }],
      });
      expect(clash.refs.every((refusal) => refusal === undefined)).toBe(true);
      await expectAgreement(directory, store);
    }));

  test("give what they make the modes that the repository asks for", (ctx) =>
    inScratchOfGit(ctx, async (root) => {
      const { store, directory, commits } = await makeRepository(root);
      git(directory, ["config", "core.sharedRepository", "0660"]);
      await store.commit({ refs: [{ name: "refs/heads/main", new: commits[0] }] });
      const names = (await readFile(join(directory, "reftable/tables.list"), "utf8")).trim().split("\n");
      for (const name of ["tables.list", names.at(-1) as string]) {
        expect((await stat(join(directory, "reftable", name))).mode & 0o777).toBe(0o660);
      }
    }));

  test("take a push with its pack, and what a killed writer leaves does not matter", (ctx) =>
    inScratchOfGit(ctx, async (root) => {
      const { store, directory } = await makeRepository(root);
      await writeFile(join(directory, "reftable/0x000000000002-0x000000000002-deadbeef.ref"), "half");
      await writeFile(join(directory, "reftable/0x000000000002-0x000000000002-deadbeef.temp.abc"), "half");
      const pack = await makeTinyPack("push");
      const { refs } = await push(store, pack, {
        refs: [{ name: "refs/heads/main", old: null, new: pack.commit }],
      });
      expect(refs).toEqual([undefined]);
      expect(gitRefs(directory)).toEqual([`${pack.commit} refs/heads/main`]);
      expect(git(directory, ["log", "--format=%s", "main"])).toBe("push\n");
    }));
});
