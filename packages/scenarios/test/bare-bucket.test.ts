import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type FaultProxy, longestChain, type TestBucket } from "@millrace/s3-lab";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copyIn, copyOut } from "../src/copy-bucket.ts";
import { type BucketScene, openBucketScene } from "../src/bucket-scene.ts";
import { expectSound } from "../src/expect-sound.ts";
import { git } from "../src/git.ts";
import type { Scratch } from "../src/scratch.ts";
import type { WorkTree } from "../src/work-tree.ts";

let scene: BucketScene | undefined;
let scratch: Scratch;
let bucket: TestBucket;
let proxy: FaultProxy;
let local: WorkTree;

beforeEach(async (context) => {
  scene = await openBucketScene(context);
  ({ scratch, bucket, proxy, local } = scene);
});

afterEach(async () => {
  await scene?.[Symbol.asyncDispose]();
  scene = undefined;
});

/** The built server over the bucket, in a process of its own. */
async function serve(...flags: string[]): Promise<string> {
  return (await (scene as BucketScene).serve({ bucket, url: proxy.url }, "--layout", "bare", ...flags)).url;
}

/** What git tells of the refs of a repository, on a disk or served, without HEAD. */
const refsOf = async (where: string): Promise<string> => git(["ls-remote", where, "refs/*"]);

describe("serve --layout bare", () => {
  it("serves a repository that was copied into the bucket, and takes pushes that git finds in a copy", async () => {
    const made = join(scratch.path, "made.git");
    await git(["init", "--quiet", "--bare", "--initial-branch=main", made]);
    await local.git("tag", "--annotate", "--message", "one", "v1");
    await local.git("push", "--quiet", made, "main", "main:packed", "main:gone", "v1");
    await git(["pack-refs", "--all"], { cwd: made });
    await git(["repack", "--quiet", "-ad"], { cwd: made });
    // Behind that, loose refs and loose objects.
    await local.commit("second", { "a.txt": "two\n" });
    await local.git("push", "--quiet", made, "main", "main:team/loose");
    await git(["symbolic-ref", "refs/heads/alias", "refs/heads/main"], { cwd: made });
    await git(["config", "receive.denyDeletes", "false"], { cwd: made });
    await copyIn(made, bucket, "git/team/made.git");
    const url = `${await serve()}/team/made.git`;
    expect(await refsOf(url)).toBe(await refsOf(made));
    expect(await git(["ls-remote", "--symref", url, "HEAD"])).toContain("ref: refs/heads/main\tHEAD");
    const copy = join(scratch.path, "copy.git");
    await git(["clone", "--quiet", "--mirror", url, copy]);
    expect(await git(["rev-list", "--objects", "--all"], { cwd: copy })).toBe(
      await git(["rev-list", "--objects", "--all"], { cwd: made }),
    );

    await local.commit("third", { "a.txt": "three\n" });
    await local.git("push", "--quiet", url, "main", "main:packed", "main:new/branch", ":gone", ":team/loose");
    // Another server, which has seen nothing of it.
    expect(await refsOf(`${await serve()}/team/made.git`)).toBe(await refsOf(url));
    const back = join(scratch.path, "back.git");
    await copyOut(bucket, "git/team/made.git", back);
    await expectSound(back);
    expect(await refsOf(back)).toBe(await refsOf(url));
    expect(await refsOf(back)).not.toMatch(/gone|loose/);
    expect(await readFile(join(back, "packed-refs"), "utf8")).not.toContain("gone");
    const clone = join(scratch.path, "clone");
    await git(["clone", "--quiet", back, clone]);
    expect(await readFile(join(clone, "a.txt"), "utf8")).toBe("three\n");
  });

  it("makes repositories that are git's once they are copied to a disk, be it with many refs", async () => {
    const url = await serve();
    await local.git("push", "--quiet", `${url}/few.git`, "main");
    const tip = await local.git("rev-parse", "main");
    const lines = Array.from({ length: 100 }, (_, i) => `create refs/heads/many/${i} ${tip}\n`);
    await git(["update-ref", "--stdin"], { cwd: local.path, input: lines.join("") });
    await local.git("push", "--quiet", "--all", `${url}/many.git`);
    for (const name of ["few.git", "many.git"]) {
      const path = join(scratch.path, name);
      await copyOut(bucket, `git/${name}`, path);
      await expectSound(path);
      expect(await refsOf(path)).toBe(await refsOf(`${url}/${name}`));
      expect(await git(["symbolic-ref", "HEAD"], { cwd: path })).toBe("refs/heads/main");
    }
    expect((await bucket.keys("git/many.git/refs/")).length).toBe(1);
    expect((await bucket.keys("git/few.git/")).filter((key) => key.endsWith(".pack")).length).toBe(1);
  });

  it("lists 50 branches and 200 tags with as many requests at once as it may, and warm without reading one", async () => {
    const made = join(scratch.path, "refs.git");
    await git(["init", "--quiet", "--bare", "--initial-branch=main", made]);
    const tip = await local.git("rev-parse", "main");
    await local.git("push", "--quiet", made, "main");
    const names = Array.from({ length: 249 }, (_, i) => (i < 49 ? `heads/b${i}` : `tags/t${i}`));
    const lines = names.map((name) => `create refs/${name} ${tip}\n`);
    await git(["update-ref", "--stdin"], { cwd: made, input: lines.join("") });
    await copyIn(made, bucket, "git/refs.git");
    const asked = async (url: string): Promise<{ chain: number; bodies: number }> => {
      proxy.clear();
      expect((await refsOf(url)).split("\n").length).toBe(250);
      const bodies = proxy.requests.filter(
        ({ path, status }) => path.includes("/refs/") && status === 200,
      ).length;
      return { chain: longestChain(proxy.requests), bodies };
    };
    const url = `${await serve()}/refs.git`;
    const slow = `${await serve("--store", `s3://${bucket.name}/git?listRefsConcurrency=1`)}/refs.git`;
    // So slow that what is asked at once is answered at once.
    proxy.latencyMs = 100;
    const cold = await asked(url);
    const warm = await asked(url);
    proxy.latencyMs = 0;
    const sequential = await asked(slow);
    expect(cold.bodies).toBe(250);
    expect(warm.bodies).toBe(0);
    // Eight rounds of 32 and a few; on a busy machine rounds drift apart.
    expect(cold.chain).toBeLessThan(80);
    expect(warm.chain).toBeLessThanOrEqual(4);
    expect(sequential.chain).toBeGreaterThan(250);
  });
});
