import { mkdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openPackIndex } from "@millrace/pack";
import type { Snapshot } from "@millrace/storage";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openFsRepository } from "../../src/index.ts";
import { objectDirectories } from "../../src/objects/alternates.ts";
import { makeTinyPack, push } from "./actions.ts";
import { git, tryGit } from "@millrace/git-lab";
import { collect, inScratch, refLines, withSnapshot } from "./scratch.ts";

function commitOn(directory: string, ref: string, message: string): string {
  const tree = git(directory, ["mktree"]).trim();
  const oid = git(directory, ["commit-tree", "-m", message, tree]).trim();
  git(directory, ["update-ref", ref, oid]);
  return oid;
}

/** The object directories git borrows from. */
function gitAlternates(directory: string): string[] {
  const { stdout } = tryGit(directory, ["count-objects", "-v"]);
  const lines = stdout.split("\n").filter((line) => line.startsWith("alternate: "));
  return lines.map((line) => line.slice("alternate: ".length));
}

async function ourAlternates(directory: string): Promise<string[]> {
  return (await objectDirectories(join(directory, "objects"))).slice(1);
}

/** Whether an object is there, looked for as a reader does: packs, loose objects, and once more. */
async function holds(view: Snapshot, oid: string): Promise<boolean> {
  for (const reload of [false, true]) {
    for (const { id } of await view.packs({ reload })) {
      const handle = await view.openPack(id).catch((error: { code?: string }) => {
        expect(error.code).toBe("STORAGE_NOT_FOUND");
        return undefined;
      });
      if (handle === undefined) continue;
      const idx = await handle.sidecar("idx");
      await handle[Symbol.asyncDispose]();
      if (idx !== undefined && openPackIndex(idx, "sha1").findOid(oid) >= 0) return true;
    }
    if ((await view.openLoose(oid)) !== undefined) return true;
  }
  return false;
}

test("clones that borrow: objects, and the lender's tips, each once", () =>
  inScratch(async (root) => {
    const lender = join(root, "lender.git");
    git(root, ["init", "--quiet", "--bare", lender]);
    const oids = Array.from({ length: 30 }, (_, index) =>
      commitOn(lender, `refs/heads/b${index}`, `${index}`),
    );
    git(lender, ["repack", "-adq"]);
    git(lender, ["pack-refs", "--all"]);
    git(lender, ["update-ref", "refs/tags/same", oids[3] as string]);
    const loose = commitOn(lender, "refs/notes/loose", "loose");
    git(lender, ["symbolic-ref", "HEAD", "refs/heads/b0"]);
    git(root, ["clone", "--quiet", "--bare", "--shared", lender, "shared.git"]);
    git(root, ["clone", "--quiet", "--bare", "--reference", lender, `file://${lender}`, "reference.git"]);
    git(root, ["clone", "--quiet", "--bare", "--shared", join(root, "shared.git"), "nested.git"]);
    for (const name of ["shared.git", "reference.git", "nested.git"]) {
      const directory = join(root, name);
      expect(await ourAlternates(directory)).toEqual(gitAlternates(directory));
      const store = await openFsRepository(directory);
      await withSnapshot(store, async (view) => {
        for (const oid of [...oids, loose]) expect(await holds(view, oid), name).toBe(true);
        const tips = await collect(view.alternateTips());
        expect(tips.length).toBe(new Set(tips).size);
        expect(tips.toSorted()).toEqual([...oids, loose].sort());
        for await (const tip of view.alternateTips()) {
          expect(oids).toContain(tip);
          break;
        }
      });
      expect(await refLines(store)).toEqual(
        git(directory, ["for-each-ref", "--format=%(objectname) %(refname)"]).split("\n").slice(0, -1),
      );
    }
    for (const prefixes of ["refs/heads/b1", "refs/tags refs/notes", "refs/heads/b1*", "refs/heads/"]) {
      const directory = join(root, "shared.git");
      git(directory, ["config", "core.alternateRefsPrefixes", prefixes]);
      const expected = git(lender, ["for-each-ref", "--format=%(objectname)", ...prefixes.split(" ")]);
      await withSnapshot(await openFsRepository(directory), async (view) => {
        const tips = await collect(view.alternateTips());
        expect(tips.toSorted()).toEqual([...new Set(expected.trim().split("\n"))].sort());
      });
    }
    // A lender that cannot be read does not matter to who has its objects.
    git(lender, ["config", "core.repositoryFormatVersion", "7"]);
    await withSnapshot(await openFsRepository(join(root, "reference.git")), async (view) =>
      expect(await collect(view.alternateTips())).toEqual([]),
    );
  }));

test("chains, circles, links and repetitions are followed just as far as git does", () =>
  inScratch(async (scratch) => {
    const root = await realpath(scratch);
    const names = Array.from({ length: 10 }, (_, index) => `r${index}`);
    for (const name of names) git(root, ["init", "--quiet", "--bare", name]);
    const lend = (name: string, text: string): Promise<void> =>
      writeFile(join(root, name, "objects", "info", "alternates"), text);
    for (let index = 0; index < 9; index++) await lend(`r${index}`, `${root}/r${index + 1}/objects\n`);
    expect(gitAlternates(join(root, "r0"))).toHaveLength(6);
    for (const name of names)
      expect(await ourAlternates(join(root, name))).toEqual(gitAlternates(join(root, name)));

    for (let index = 0; index < 9; index++) await lend(`r${index}`, `../../r${index + 1}/objects\n`);
    await lend("r9", "../../r0/objects\n../../r9/objects\n");
    for (const name of names)
      expect(await ourAlternates(join(root, name))).toEqual(gitAlternates(join(root, name)));

    await mkdir(join(root, "deep", "er"), { recursive: true });
    await symlink(join(root, "r1"), join(root, "deep", "er", "link"));
    await symlink(join(root, "r1", "objects"), join(root, "objects-link"));
    await rm(join(root, "r9", "objects", "info", "alternates"));
    await lend("r1", "../../r2/objects\n");
    await lend("r2", "");
    const direct = `${root}/deep/er/link/objects`;
    for (const text of [
      `${direct}\n`,
      `${direct}/\n${root}/r1/objects//\n`,
      "../../deep/er/link/../r2/objects\n",
      `../../objects-link\n${root}/r9/objects`,
      `${root}/missing/objects\n${root}/r9/HEAD\n${root}/r9/objects\n`,
      `#${root}/r9/objects\n\n${root}/r8/objects\n`,
      ` ${root}/r9/objects\n${root}/r8/objects \n`,
      `"${root}/r9/objects"\n${root}/r8/objects`,
      `"${root}/r9/objects" "${root}/r8/objects"\n`,
      `"${root}/r9/objects\n${root}/r8/objects\n`,
      `"${root}/r\\071/objects"\n"${root}/r\\x/objects"\n`,
      `${root}/r9/objects\r\n${root}/r8/objects\n`,
    ]) {
      await lend("r0", text);
      expect(await ourAlternates(join(root, "r0")), text).toEqual(gitAlternates(join(root, "r0")));
    }
    // By way of a link to the borrower.
    await symlink(join(root, "r0"), join(root, "deep", "borrower"));
    await lend("r0", "../../r9/objects\n");
    const borrower = join(root, "deep", "borrower");
    expect(await ourAlternates(borrower)).toEqual(gitAlternates(borrower));
  }));

test("any alternates file is read as git reads it", () =>
  inScratch(async (scratch) => {
    const root = await realpath(scratch);
    const odd = ['q"uote', "back\\slash", "ta\tb", "é", "#hash", " lead"];
    for (const name of ["own", "plain", ...odd]) git(root, ["init", "--quiet", "--bare", name]);
    const path = fc.constantFrom(
      ...["plain", ...odd].map((name) => `${root}/${name}/objects`),
      "../../plain/objects",
    );
    const line = fc.oneof(
      path,
      path.map((text) => JSON.stringify(text)),
      path.map((text) => `${JSON.stringify(text)}x`),
      fc.constantFrom("", "#", '"', "# comment", '"\\q"', "missing", '"\\303\\251"', "../../é/objects"),
      path.map((text) => `"${text.replaceAll("é", "\\303\\251").replaceAll('"', '\\"')}"`),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 5 }), fc.boolean(), async (lines, ends) => {
        await writeFile(
          join(root, "own", "objects", "info", "alternates"),
          lines.join("\n") + (ends ? "\n" : ""),
        );
        const unquote = (text: string): string =>
          text.startsWith('"') ? (JSON.parse(text) as string) : text;
        const theirs = gitAlternates(join(root, "own")).map((text) =>
          unquote(text.replace("\\303\\251", "é")),
        );
        expect(await ourAlternates(join(root, "own")), JSON.stringify(lines)).toEqual(theirs);
      }),
      { numRuns: 120 },
    );
  }));

/** An object that is not there is looked for again until two listings of the packs agree, as readers do. */
async function isFound(view: Snapshot, oid: string): Promise<boolean> {
  const list = async (): Promise<string> =>
    (await view.packs({ reload: true })).map(({ id }) => id).toString();
  for (let before = await list(); ; ) {
    if (await holds(view, oid)) return true;
    const now = await list();
    if (now === before) return false;
    before = now;
  }
}

test("objects are found while the lender repacks", () =>
  inScratch(async (root) => {
    const lender = join(root, "lender.git");
    git(root, ["init", "--quiet", "--bare", lender]);
    git(lender, ["config", "gc.auto", "0"]);
    const writer = await openFsRepository(lender);
    const oids: string[] = [];
    for (let round = 0; round < 5; round++) {
      const pack = await makeTinyPack(`lent ${round}`);
      await push(writer, pack, { refs: [{ name: `refs/heads/l${round}`, new: pack.commit }] });
      oids.push(pack.commit);
    }
    git(root, ["clone", "--quiet", "--bare", "--shared", lender, "borrower.git"]);
    const store = await openFsRepository(join(root, "borrower.git"));
    let running = true;
    let repacks = 0;
    const { spawn } = await import("node:child_process");
    const repacking = (async () => {
      for (; running; repacks++) {
        const oid = commitOn(lender, `refs/heads/more${repacks}`, `${repacks}`);
        oids.push(oid);
        const args = repacks % 3 === 2 ? ["gc", "--quiet", "--prune=now"] : ["repack", "-adq"];
        await new Promise((resolve) =>
          spawn("git", args, { cwd: lender, stdio: "ignore" }).on("close", resolve),
        );
      }
    })();
    try {
      await withSnapshot(store, async (view) => {
        for (let round = 0; round < 60 || repacks < 3; round++) {
          for (const oid of oids.slice(0, 5)) expect(await isFound(view, oid)).toBe(true);
          const last = oids.at(-1) as string;
          expect(await isFound(view, last)).toBe(true);
        }
      });
    } finally {
      running = false;
      await repacking;
    }
  }));

test("a line that counts for git only is not followed, and is not looked at", () =>
  inScratch(async (root) => {
    const [borrower, lender, other] = ["borrower.git", "lender.git", "other.git"].map((name) => {
      git(root, ["init", "--quiet", "--bare", name]);
      return join(root, name);
    }) as [string, string, string];
    const oid = commitOn(lender, "refs/heads/main", "lent");
    // Through a symbolic link: it is the line that counts, and not where it leads.
    const ignored = join(root, "ignored");
    await symlink(join(lender, "objects"), ignored);
    await writeFile(join(borrower, "objects/info/alternates"), `${ignored}\n${other}/objects\n`);
    expect(gitAlternates(borrower)).toHaveLength(2);
    expect(await objectDirectories(join(borrower, "objects"), [ignored])).toHaveLength(2);
    for (const ignoreAlternates of [[], [ignored]]) {
      await using store = await openFsRepository(borrower, { ignoreAlternates });
      await using view = await store.snapshot();
      expect(await holds(view, oid)).toBe(ignoreAlternates.length === 0);
    }
  }));
