import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type FaultProxy, type TestBucket } from "@millrace/s3-lab";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BucketPlace, compareFiles, maintainBucket } from "../src/bucket-processes.ts";
import { type BucketScene, openBucketScene } from "../src/bucket-scene.ts";
import { cloneSound } from "../src/expect-sound.ts";
import { git } from "../src/git.ts";
import { inCrowd } from "../src/in-crowd.ts";
import { packOf } from "../src/raw-pack.ts";
import { rawPush, rawPushBody } from "../src/raw-push.ts";
import type { Scratch } from "../src/scratch.ts";
import type { ServerProcess } from "../src/server-process.ts";
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

/** Past the proxy, and through it. */
const straight = (tuning?: BucketPlace["tuning"]): BucketPlace => ({
  bucket,
  url: bucket.endpoint.url,
  tuning,
});
const proxied = (tuning?: BucketPlace["tuning"]): BucketPlace => ({ bucket, url: proxy.url, tuning });

function serve(place: BucketPlace, ...flags: string[]): Promise<ServerProcess> {
  return (scene as BucketScene).serve(place, ...flags);
}

/** Until what is there is old for who has next to no grace time: the store dates in seconds. */
const age = (): Promise<void> => sleep(2200);
const NO_GRACE = { graceMs: 1 };

async function push(url: string, count: number): Promise<string> {
  for (let i = 0; i < count; i++) {
    await local.commit(`change ${i}`, { "a.txt": `${randomBytes(8).toString("hex")}\n` });
    await local.git("push", "--quiet", url, "main");
  }
  return local.git("rev-parse", "main");
}

describe("millrace maintain --store", () => {
  it("tells what it would do, does it, and sweeps what nothing needs when its time is over", async () => {
    const { url } = await serve(straight());
    const tip = await push(`${url}/a.git`, 6);
    expect(await maintainBucket(straight(), "--dry-run").done).toEqual({
      status: 0,
      text: `a.git: would do a full of 6 packs and 0 loose objects\ns3://${bucket.name}/git: nothing to sweep\n`,
    });
    expect(await bucket.keys("git/data/")).toHaveLength(6);
    const done = await maintainBucket(straight()).done;
    expect(done).toEqual({
      status: 0,
      text: expect.stringMatching(/^a\.git: full of 6 packs .*; 6 packs removed\n.*: nothing to sweep\n$/),
    });
    expect(await bucket.keys("git/data/")).toHaveLength(7);
    expect(await (await cloneSound(`${url}/a.git`, scratch)).git("rev-parse", "main")).toBe(tip);
    expect((await maintainBucket(straight()).done).text).toContain("a.git: nothing to do\n");
    await age();
    const swept = await maintainBucket(straight(NO_GRACE), "--repository", "a.git").done;
    expect(swept).toEqual({
      status: 0,
      text: expect.stringMatching(/: swept 6 files put aside, \d+ bytes\n$/),
    });
    const { named, stored } = await compareFiles(bucket);
    expect(stored).toEqual(named);
    expect(stored).toHaveLength(1);
    expect(
      await (await cloneSound(`${(await serve(straight())).url}/a.git`, scratch)).git("rev-parse", "main"),
    ).toBe(tip);
    expect((await maintainBucket(straight()).done).status).toBe(0);
    const absent = await maintainBucket(straight(), "--repository", "none.git").done;
    expect(absent).toEqual({ status: 1, text: expect.stringContaining("error: none.git: no repository") });
  });

  it("is killed at any point: refs and history are whole, and what it leaves is swept away", async () => {
    const steady = (await serve(straight())).url;
    const points = [
      { name: "before the new pack goes up", method: "PUT", part: "/data/", kind: "reset-before" },
      { name: "when the new pack is up", method: "PUT", part: "/data/", kind: "reset-after" },
      { name: "before the manifest is written", method: "PUT", part: "/repos/", kind: "reset-before" },
      { name: "when the manifest is written", method: "PUT", part: "/repos/", kind: "reset-after" },
      { name: "before a file is deleted", method: "DELETE", part: "/data/", kind: "reset-before" },
      { name: "when a file is deleted", method: "DELETE", part: "/data/", kind: "reset-after" },
    ] as const;
    const leaseMs = 6000;
    for (const [i, { name, method, part, kind }] of points.entries()) {
      const url = `${steady}/k${i}.git`;
      const tip = await push(url, 3);
      const victim = maintainBucket(proxied({ leaseMs, ...NO_GRACE }), "--repository", `k${i}.git`);
      let isUp = false;
      let isKilled = false;
      proxy.plan = (request) => {
        // What is written to the manifest before is the lease.
        isUp ||= request.method === "PUT" && request.path.includes("/data/");
        if (!isUp || request.method !== method || !request.path.includes(part)) return undefined;
        victim.kill("SIGKILL");
        isKilled = true;
        return { kind };
      };
      expect((await victim.done).status, name).toBe(null);
      proxy.plan = undefined;
      expect(isKilled, name).toBe(true);
      // Readers without the grace time are others: here files may be gone that an older view needs.
      const server = await serve(straight());
      const fresh = server.url;
      const copy = await cloneSound(`${fresh}/k${i}.git`, scratch);
      expect(await copy.git("rev-parse", "main"), name).toBe(tip);
      const after = await push(`${fresh}/k${i}.git`, 1);
      expect(await git(["ls-remote", `${fresh}/k${i}.git`, "refs/heads/main"]), name).toContain(after);
      await server[Symbol.asyncDispose]();
    }
    // The lease of one that was killed runs out.
    await sleep(leaseMs);
    const all = await maintainBucket(straight(), "--full").done;
    expect(all).toEqual({ status: 0, text: expect.not.stringContaining("error") });
    await age();
    expect((await maintainBucket(straight(NO_GRACE)).done).status).toBe(0);
    const { named, stored } = await compareFiles(bucket);
    expect(stored).toEqual(named);
    expect(stored).toHaveLength(points.length);
    const last = (await serve(straight())).url;
    for (const i of points.keys()) await cloneSound(`${last}/k${i}.git`, scratch);
  });

  it("ends when it is told to, gives its lease back and leaves nothing", async () => {
    const { url } = await serve(straight());
    await push(`${url}/a.git`, 3);
    const before = await bucket.keys();
    const told = maintainBucket(proxied());
    proxy.plan = ({ method, path }) => {
      if (method !== "PUT" || !path.includes("/data/")) return undefined;
      told.kill("SIGTERM");
      return { kind: "silence" };
    };
    expect(await told.done).toEqual({ status: 1, text: expect.stringContaining("error: a.git: SIGTERM") });
    proxy.plan = undefined;
    expect(await bucket.keys()).toEqual(before);
    expect((await maintainBucket(straight()).done).status).toBe(0);
  });

  it("drops what a push on its way rests on: that push is judged again, or dies with its server", async () => {
    const steady = (await serve(straight())).url;
    const tree = await local.git("rev-parse", "main^{tree}");
    const lost = await local.git("commit-tree", tree, "-p", "main", "-m", "lost");
    const next = await local.git("commit-tree", tree, "-p", lost, "-m", "next");
    const fates = ["lives", "dies"] as const;
    for (const fate of fates) {
      const url = `${steady}/${fate}.git`;
      await local.git("push", "--quiet", url, "main", `${lost}:refs/heads/gone`);
      await local.git("push", "--quiet", url, ":refs/heads/gone");
    }
    await age();
    const body = rawPushBody(
      [["0".repeat(40), next, "refs/heads/late"]],
      packOf(local.path, [next, `^${lost}`]),
    );
    for (const fate of fates) {
      const victim = await serve(proxied());
      let release = (): void => undefined;
      const until = new Promise<void>((resolve) => (release = resolve));
      const held = new Promise<void>((resolve) => {
        proxy.plan = ({ method, path }) => {
          if (method !== "PUT" || !path.includes("/repos/")) return undefined;
          resolve();
          return { kind: "hold", until };
        };
      });
      const answer = rawPush(`${victim.url}/${fate}.git`, body).catch(() => undefined);
      // All that the push needs was found to be there, and its manifest is about to be written.
      await held;
      const told = await maintainBucket(straight(), "--repository", `${fate}.git`, "--full", "--grace", "0")
        .done;
      expect(told).toEqual({ status: 0, text: expect.stringContaining("1 object dropped") });
      if (fate === "dies") await victim.kill();
      proxy.plan = undefined;
      release();
      expect((await answer)?.report).toEqual(
        fate === "dies" ? undefined : ["unpack ok", "ng refs/heads/late missing necessary objects"],
      );
      const copy = await cloneSound(`${steady}/${fate}.git`, scratch);
      expect(await copy.git("for-each-ref", "--format=%(refname)")).toBe("refs/heads/main");
    }
  });

  it("loops while three servers take pushes, some racing for one branch, branches go and come again, clones run and connections break", async () => {
    const urls = (await Promise.all([0, 1, 2].map(() => serve(proxied(), "--no-maintain")))).map(
      ({ url }) => `${url}/busy.git`,
    );
    await local.git("push", "--quiet", urls[0] as string, "main");
    const tree = await local.git("rev-parse", "main^{tree}");
    const make = (what: string): Promise<string> => local.git("commit-tree", tree, "-p", "main", "-m", what);
    const [tips, racers]: [string[], string[]] = [[], []];
    for (let i = 0; i < BRANCHES; i++) {
      tips.push(await make(`commit ${i}`));
      racers.push(await make(`racer ${i}`));
    }
    let count = 0;
    proxy.plan = () => (++count % 20 === 0 ? { kind: "reset-after" } : undefined);
    let isOver = false;
    const loops = { maintain: 0, clone: 0 };
    const until = async (work: () => Promise<void>): Promise<void> => {
      try {
        while (!isOver) await work();
      } finally {
        isOver = true;
      }
    };
    const maintaining = until(async () => {
      // Every other time objects that nobody reaches are dropped at once: what a push rests on may be gone before it lands.
      const grace = loops.maintain % 2 === 1 ? ["--grace", "0"] : [];
      const { status, text } = await maintainBucket(proxied(), "--full", ...grace).done;
      expect({ status, text }).toEqual({ status: 0, text: expect.any(String) });
      loops.maintain++;
    });
    const cloning = until(async () => {
      await cloneSound(urls[loops.clone % 3] as string, scratch);
      loops.clone++;
    });
    const pushing = (async (): Promise<string[]> => {
      try {
        await inCrowd(tips, 4, async (tip, i) => {
          const ref = `refs/heads/b${i}`;
          const send = (at: number, spec: string): Promise<string> =>
            local.git("push", "--quiet", urls[(i + at) % 3] as string, spec);
          await send(0, `${tip}:${ref}`);
          if (i % 4 !== 0) return;
          await send(1, `:${ref}`);
          await send(2, `${tip}:${ref}`);
        });
        const raced = await inCrowd(racers, BRANCHES, (tip, i) =>
          local.tryGit("push", "--quiet", urls[i % 3] as string, `${tip}:refs/heads/main`),
        );
        return racers.filter((_, i) => raced[i]?.status === 0);
      } finally {
        isOver = true;
      }
    })();
    const [winners] = await Promise.all([pushing, maintaining, cloning]);
    proxy.plan = undefined;
    expect(winners).toHaveLength(1);
    expect(Math.min(...Object.values(loops)), JSON.stringify(loops)).toBeGreaterThan(0);
    const copy = await cloneSound(urls[1] as string, scratch);
    expect(await copy.git("rev-parse", "main")).toBe(winners[0]);
    const refs = await copy.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/b*");
    expect(refs.split("\n").sort()).toEqual(tips.map((tip, i) => `refs/heads/b${i} ${tip}`).sort());
    expect((await maintainBucket(straight(), "--full").done).status).toBe(0);
    await age();
    expect((await maintainBucket(straight(NO_GRACE)).done).status).toBe(0);
    const { named, stored } = await compareFiles(bucket);
    expect(stored).toEqual(named);
    await cloneSound(`${(await serve(straight())).url}/busy.git`, scratch);
  });
});

describe("serve --maintain-after", () => {
  it("tidies a repository in a bucket up after so many pushes, and ends cleanly", async () => {
    const server = await serve(straight(), "--maintain-after", "4");
    const url = `${server.url}/a.git`;
    const tip = await push(url, 4);
    const packs = async (): Promise<number> =>
      JSON.parse(Buffer.from(await bucket.get("git/repos/a.git")).toString()).packs.length;
    while ((await packs()) !== 1) await sleep(50);
    expect(await (await cloneSound(url, scratch)).git("rev-parse", "main")).toBe(tip);
    expect(await server.stop()).toBe(0);
  });
});

/** Branches that are pushed, and pushes that race for one. */
const BRANCHES = 100;
