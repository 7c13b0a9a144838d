import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCloneState } from "../src/clone-state.ts";
import { type Endpoint, defaultEndpoint } from "../src/endpoints.ts";
import { git } from "../src/git.ts";
import { bandOf, readPackets } from "../src/packets.ts";
import { packOf } from "../src/raw-pack.ts";
import { startRawClone } from "../src/raw-clone.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { type WorkTree, openWorkTree } from "../src/work-tree.ts";

/** Ways in which a repository comes to many packs that share objects, each behind the one before. */
const layouts: Readonly<Record<string, (repository: Served) => Promise<unknown>>> = {
  "fetched bit by bit, thin packs completed": async ({ fetch }) => {
    for (const back of [50, 40, 30, 20, 12, 5, 2]) await fetch(`main~${back}`, "main");
    await fetch("main", "main");
    await fetch("side", "side");
  },
  "packs of overlapping ranges beside them": async ({ add }) => {
    await add("main~10", "--delta-base-offset");
    await add("^main~35", "main~5", "--delta-base-offset");
    await add("^main~25", "side");
    await add("^main~15", "main", "--window=0");
  },
  "loose objects that are packed too": async ({ git: run, path }) => {
    const tree = await run("rev-parse", "main^{tree}");
    const commit = await run("commit-tree", tree, "-p", "main", "-m", "by hand");
    await run("update-ref", "refs/heads/by-hand", commit);
    await run("hash-object", "-w", "--", join(path, "config"));
    await run("repack", "--quiet");
  },
  "a kept pack, and the rest packed again without it": async ({ git: run, path }) => {
    const [first] = await packsIn(path);
    await writeFile(join(path, "objects/pack", first!.replace(/pack$/, "keep")), "");
    await run("repack", "--quiet", "-d");
    await run("repack", "--quiet", "-a");
  },
};

interface Served {
  readonly path: string;
  git(...args: string[]): Promise<string>;
  /** Fetches a revision of the work tree into a branch, as one pack. */
  fetch(revision: string, branch: string): Promise<unknown>;
  /** Adds a pack of revisions of the work tree; words with dashes are options. */
  add(...words: string[]): Promise<unknown>;
}

async function packsIn(path: string): Promise<string[]> {
  return (await readdir(join(path, "objects/pack"))).filter((file) => file.endsWith(".pack")).toSorted();
}

describe("a repository of many packs that share objects", () => {
  let endpoint: Endpoint;
  let scratch: Scratch;
  let local: WorkTree;
  let served: Served;

  beforeAll(async () => {
    endpoint = await defaultEndpoint.open();
    scratch = await createScratch();
    local = await openWorkTree(join(scratch.path, "local"), endpoint.env, "sha1");
    const lines = Array.from({ length: 200 }, (_, i) => `line ${i} of a text that changes little\n`);
    for (let i = 0; i < 60; i++) {
      lines[(i * 37) % lines.length] = `changed by commit ${i}\n`;
      if (i === 30) await local.git("branch", "side");
      await local.commit(`c${i}`, { "a.txt": lines.join(""), [`d${i % 5}.txt`]: lines.slice(i).join("") });
    }
    await local.git("checkout", "--quiet", "side");
    for (let i = 0; i < 5; i++) await local.commit(`s${i}`, { "a.txt": lines.slice(i).join("") });
    await endpoint.createEmpty("many.git", "main", "sha1");
    const path = endpoint.directory?.("many.git") as string;
    const run = (...args: string[]): Promise<string> => git(args, { cwd: path });
    await run("config", "transfer.unpackLimit", "1");
    served = {
      path,
      git: run,
      fetch: async (revision, branch) =>
        run("fetch", "--quiet", local.path, `${await local.git("rev-parse", revision)}:refs/heads/${branch}`),
      add: (...words) => {
        const [options, revisions] = [true, false].map((is) =>
          words.filter((word) => word.startsWith("--") === is),
        );
        return git(["index-pack", "--stdin"], {
          cwd: path,
          input: packOf(local.path, revisions, ...options!),
        });
      },
    };
    await local.git("config", "uploadpack.allowAnySHA1InWant", "true");
  }, 60_000);

  afterAll(async () => {
    await endpoint[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  it("is cloned and fetched from with no object sent twice", { timeout: 120_000 }, async () => {
    const url = endpoint.url("many.git");
    const old = join(scratch.path, "old");
    for (const [what, makeLayout] of Object.entries(layouts)) {
      await makeLayout(served);
      const packs = await packsIn(served.path);
      expect(packs.length, what).toBeGreaterThan(1);

      const clone = join(scratch.path, what);
      await git(["-c", "transfer.fsckObjects=true", "clone", "--quiet", "--mirror", url, clone]);
      await git(["fsck", "--strict"], { cwd: clone });
      const state = await readCloneState(clone);
      const reachable = (await served.git("rev-list", "--objects", "--all")).split("\n");
      expect(state.objects.length, what).toBe(reachable.length);

      const tips = (await served.git("for-each-ref", "--format=%(objectname)")).split("\n");
      const { found } = readPackets(await startRawClone(url, tips).finish());
      const pack = Buffer.concat(found.flatMap((packet) => bandOf(packet, 1) ?? []));
      expect(pack.readUInt32BE(8), what).toBe(reachable.length);
      const reader = `${clone}.reader`;
      await git(["init", "--quiet", "--bare", reader]);
      await writeFile(join(reader, "all.pack"), pack);
      await git(["index-pack", "--strict", "all.pack"], { cwd: reader });
      const listed = (await git(["verify-pack", "-v", "all.idx"], { cwd: reader })).match(/^[0-9a-f]{40}/gm);
      expect(new Set(listed).size, what).toBe(reachable.length);

      await git(["init", "--quiet", `${old} ${what}`]);
      await git(["fetch", "--quiet", local.path, await local.git("rev-parse", "main~15")], {
        cwd: `${old} ${what}`,
      });
      await git(["-c", "transfer.fsckObjects=true", "fetch", "--quiet", url, "main"], {
        cwd: `${old} ${what}`,
      });
      await git(["fsck", "--strict", "FETCH_HEAD"], { cwd: `${old} ${what}` });
    }
  });
});
