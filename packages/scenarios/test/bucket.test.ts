import { join } from "node:path";
import { type FaultProxy, longestChain, type TestBucket } from "@millrace/s3-lab";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BucketScene, openBucketScene } from "../src/bucket-scene.ts";
import { cloneSound } from "../src/expect-sound.ts";
import { git } from "../src/git.ts";
import { inCrowd } from "../src/in-crowd.ts";
import { isLight } from "../src/light.ts";
import type { Scratch } from "../src/scratch.ts";
import type { ServerProcess } from "../src/server-process.ts";
import { openWorkTree, type WorkTree } from "../src/work-tree.ts";

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

/** The built server over the bucket, in a process of its own; through the proxy, or past it. */
function serve(url: string = proxy.url): Promise<ServerProcess> {
  return (scene as BucketScene).serve({ bucket, url });
}

/** What was asked of the bucket meanwhile: the longest chain, and how often what was answered how. */
async function asked(work: () => Promise<unknown>): Promise<Record<string, number>> {
  proxy.clear();
  await work();
  const counts: Record<string, number> = { chain: longestChain(proxy.requests) };
  for (const { method, status } of proxy.requests) {
    const kind = `${method} ${status}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

describe("serve --store", () => {
  it("tells what it serves, takes pushes and gives them back, to another server too", async () => {
    const server = await serve();
    expect(server.output[0]).toContain(`serves s3://${bucket.name}/git at`);
    await local.git("push", "--quiet", `${server.url}/team/a.git`, "main");
    await cloneSound(`${(await serve()).url}/team/a.git`, scratch);
    expect(await bucket.keys("git/repos/")).toEqual(["git/repos/team/a.git"]);
    expect((await bucket.keys()).filter((key) => !/^git\/(repos|data)\//.test(key))).toEqual([]);
  });

  it("asks the bucket for little when it is warm", async () => {
    const { url } = await serve();
    const remote = `${url}/a.git`;
    const copy = await openWorkTree(join(scratch.path, "copy"), {}, "sha1");
    const push = (): Promise<string> => local.git("push", "--quiet", remote, "main");
    const fetch = (): Promise<string> => copy.git("fetch", "--quiet", remote, "main");
    const warmUp = async (): Promise<void> => {
      await push();
      await fetch();
    };
    await warmUp();
    // Long enough to tell what waits for what.
    proxy.latencyMs = 15;
    expect(await asked(() => git(["ls-remote", remote]))).toEqual({ chain: 1, "GET 304": 1 });
    expect(await asked(fetch)).toEqual({ chain: 1, "GET 304": 1 });
    await local.commit("second", { "a.txt": "two\n" });
    // One look for what the client is told; for the push itself another, the pack with its indexes, the manifest.
    expect(await asked(push)).toEqual({ chain: 4, "GET 304": 2, "PUT 200": 2 });
    // The refs and the pack are two requests of git. What was pushed here need not be read again.
    expect(await asked(fetch)).toEqual({ chain: 2, "GET 304": 2 });
    // Whoever has not seen it reads the manifest and the pack, once each.
    const other = (await serve()).url;
    const cold = await asked(() =>
      git(["clone", "--quiet", "--bare", `${other}/a.git`, join(scratch.path, "cold")]),
    );
    expect(cold["GET 200"]).toBe(3);
  });

  it("asks for as little when thousands of refs are in tables", async () => {
    const { url } = await serve();
    const remote = `${url}/many.git`;
    const tip = await local.git("rev-parse", "main");
    const lines = Array.from({ length: 3000 }, (_, i) => `create refs/heads/many/${i} ${tip}\n`);
    await git(["update-ref", "--stdin"], { cwd: local.path, input: lines.join("") });
    await local.git("push", "--quiet", "--mirror", remote);
    const manifest = Buffer.from(await bucket.get("git/repos/many.git"));
    expect(manifest.length).toBeLessThan(4096);
    const copy = await openWorkTree(join(scratch.path, "copy"), {}, "sha1");
    const fetch = (): Promise<string> => copy.git("fetch", "--quiet", remote, "main");
    await fetch();
    proxy.latencyMs = 15;
    expect(await asked(() => git(["ls-remote", remote]))).toEqual({ chain: 1, "GET 304": 1 });
    expect(await asked(fetch)).toEqual({ chain: 1, "GET 304": 1 });
    await local.commit("second", { "a.txt": "two\n" });
    const push = (): Promise<string> => local.git("push", "--quiet", remote, "main");
    expect(await asked(push)).toEqual({ chain: 4, "GET 304": 2, "PUT 200": 2 });
    expect(await asked(fetch)).toEqual({ chain: 2, "GET 304": 2 });
    // Whoever has not seen it reads the manifest for what can be asked, looks again for the refs, and reads the table.
    const other = (await serve()).url;
    const cold = await asked(() => git(["ls-remote", `${other}/many.git`]));
    expect(cold).toEqual({ chain: 3, "GET 200": 2, "GET 304": 1 });
  });

  it("has a hundred pushes through three servers, each to a branch of its own: all are there", async () => {
    const urls = (await Promise.all([serve(), serve(), serve()])).map(({ url }) => `${url}/crowd.git`);
    await local.git("push", "--quiet", urls[0] as string, "main");
    const tree = await local.git("rev-parse", "main^{tree}");
    const make = (i: number): Promise<string> =>
      local.git("commit-tree", tree, "-p", "main", "-m", `commit ${i}`);
    const tips: string[] = [];
    for (let i = 0; i < PUSHES; i++) tips.push(await make(i));
    // The proxy breaks connections after the store has done what was asked: some of the manifest's writes among them.
    let count = 0;
    proxy.plan = () => (++count % 20 === 0 ? { kind: "reset-after" } : undefined);
    const results = await inCrowd(tips, PUSHES, (tip, i) =>
      local.tryGit("push", "--quiet", urls[i % 3] as string, `${tip}:refs/heads/b${i}`),
    );
    proxy.plan = undefined;
    expect(results.filter(({ status }) => status !== 0).map(({ stderr }) => stderr)).toEqual([]);
    const copy = await cloneSound(urls[1] as string, scratch);
    const refs = (await copy.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/b*")).split(
      "\n",
    );
    expect(refs.sort()).toEqual(tips.map((tip, i) => `refs/heads/b${i} ${tip}`).sort());
  });

  it("has pushes through three servers race for one branch: each success built on the one before", async () => {
    const urls = (await Promise.all([serve(), serve(), serve()])).map(({ url }) => `${url}/race.git`);
    await local.git("push", "--quiet", urls[0] as string, "main");
    const base = await local.git("rev-parse", "main");
    const tree = await local.git("rev-parse", "main^{tree}");
    const tips: string[] = [];
    for (let i = 0; i < PUSHES; i++) {
      tips.push(await local.git("commit-tree", tree, "-p", base, "-m", `racer ${i}`));
    }
    let count = 0;
    proxy.plan = () => (++count % 20 === 0 ? { kind: "reset-after" } : undefined);
    const results = await inCrowd(tips, PUSHES, (tip, i) =>
      local.tryGit("push", "--quiet", urls[i % 3] as string, `${tip}:refs/heads/main`),
    );
    proxy.plan = undefined;
    const winners = tips.filter((_, i) => results[i]?.status === 0);
    expect(winners.length).toBe(1);
    const copy = await cloneSound(urls[2] as string, scratch);
    expect(await copy.git("rev-parse", "main")).toBe(winners[0]);
  });

  it("is killed at any point of a push: the ref is old or new, and the next push works", async () => {
    const first = await serve();
    await local.git("push", "--quiet", `${first.url}/k.git`, "main");
    const steady = (await serve(bucket.endpoint.url)).url;
    const points = [
      { name: "before the pack goes up", method: "PUT", part: "/data/", kind: "reset-before" },
      { name: "when the pack is up", method: "PUT", part: "/data/", kind: "reset-after" },
      { name: "before the manifest is written", method: "PUT", part: "/repos/", kind: "reset-before" },
      { name: "when the manifest is written", method: "PUT", part: "/repos/", kind: "reset-after" },
    ] as const;
    for (const { name, method, part, kind } of points) {
      const victim = await serve();
      const before = await local.git("rev-parse", "main");
      await local.commit(name, { "a.txt": `${name}\n` });
      const after = await local.git("rev-parse", "main");
      let killed: Promise<void> | undefined;
      proxy.plan = (request) => {
        if (request.method !== method || !request.path.includes(part)) return undefined;
        killed ??= victim.kill();
        return { kind };
      };
      const pushed = await local.tryGit("push", "--quiet", `${victim.url}/k.git`, "main");
      await killed;
      proxy.plan = undefined;
      expect(killed, name).toBeDefined();
      expect(pushed.status, name).not.toBe(0);
      const isDone = part === "/repos/" && kind === "reset-after";
      const copy = await cloneSound(`${steady}/k.git`, scratch);
      expect(await copy.git("rev-parse", "main"), name).toBe(isDone ? after : before);
      await local.git("push", "--quiet", `${steady}/k.git`, "main");
      expect(await git(["ls-remote", `${steady}/k.git`, "refs/heads/main"])).toContain(after);
    }
  });
});

/** Pushes at once; the second Node runs fewer. */
const PUSHES = isLight ? 30 : 100;
