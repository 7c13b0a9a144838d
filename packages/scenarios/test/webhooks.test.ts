import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { createBucket, demandServer, environmentOf, type TestBucket } from "@millrace/s3-lab";
import { type GitServer, type PushEvent, type ServerOptions, startServer } from "@millrace/server";
import { createMemoryStorage, type Storage } from "@millrace/storage";
import { openS3Storage } from "@millrace/storage-s3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createScratch, type Scratch } from "../src/scratch.ts";
import { startServerProcess, startServing } from "../src/server-process.ts";
import { openWorkTree, type WorkTree } from "../src/work-tree.ts";

let scratch: Scratch;
let local: WorkTree;
const closing: AsyncDisposable[] = [];

beforeEach(async () => {
  scratch = await createScratch();
  closing.push(scratch);
  local = await openWorkTree(join(scratch.path, "local"), {}, "sha1");
  await local.commit("first", { "a.txt": "one\n" });
});

afterEach(async () => {
  for (const each of closing.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});

interface Posted {
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** Somebody who is told of pushes, and answers with these statuses, the last one for ever. */
async function listen(
  ...statuses: number[]
): Promise<{ url: string; posted: Posted[]; next(): Promise<Posted> }> {
  const posted: Posted[] = [];
  const server: Server = createServer((request, response) => {
    void text(request).then((body) => {
      posted.push({ headers: request.headers, body });
      response.writeHead(statuses.length > 1 ? (statuses.shift() as number) : (statuses[0] ?? 200)).end();
      server.emit("posted");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  });
  let told = 0;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    posted,
    async next() {
      while (posted.length <= told) await once(server, "posted");
      return posted[told++] as Posted;
    },
  };
}

describe("webhooks", () => {
  it("are told of what a push has moved, signed", async () => {
    const hook = await listen(200);
    const server = await startServing(["--root", join(scratch.path, "served"), "--webhook", hook.url], {
      MILLRACE_WEBHOOK_SECRET: "s3cret",
    });
    closing.push(server);
    await local.git("push", "--quiet", `${server.url}/team/a.git`, "main", "main:refs/heads/other");
    const first = await local.git("rev-parse", "main");
    const { headers, body } = await hook.next();
    expect(JSON.parse(body)).toEqual({
      event: "push",
      repository: "team/a.git",
      refs: [
        { name: "refs/heads/main", old: null, new: first },
        { name: "refs/heads/other", old: null, new: first },
      ],
      refCount: 2,
    });
    const signature = createHmac("sha256", "s3cret").update(body).digest("hex");
    expect(headers["x-millrace-signature-256"]).toBe(`sha256=${signature}`);
    await local.commit("second", { "a.txt": "two\n" });
    await local.tryGit(
      "push",
      "--quiet",
      `${server.url}/team/a.git`,
      "main",
      ":other",
      "main^:refs/heads/main",
    );
    await local.git("push", "--quiet", `${server.url}/team/a.git`, "main", ":other");
    const next = JSON.parse((await hook.next()).body) as PushEvent;
    expect(next.refs).toEqual([
      { name: "refs/heads/main", old: first, new: await local.git("rev-parse", "main") },
      { name: "refs/heads/other", old: first, new: null },
    ]);
  });

  it("are told again where they fail, and hear nothing of pushes that were refused", async () => {
    const hook = await listen(500, 200);
    const server = await startServerProcess(join(scratch.path, "served"), "--webhook", hook.url);
    closing.push(server);
    const url = `${server.url}/a.git`;
    await local.git("push", "--quiet", url, "main");
    const [failed, again] = [await hook.next(), await hook.next()];
    expect(again.body).toBe(failed.body);
    expect(again.headers["x-millrace-delivery"]).toBe(failed.headers["x-millrace-delivery"]);
    expect(
      (await local.tryGit("push", "--quiet", url, "main:refs/heads/a", "main:refs/heads/a/b")).status,
    ).not.toBe(0);
    await local.git("push", "--quiet", url, "main:refs/heads/last");
    const bodies = [await hook.next(), await hook.next()].map(({ body }) => JSON.parse(body) as PushEvent);
    expect(bodies.map(({ refs }) => refs.map(({ name }) => name))).toEqual([
      ["refs/heads/a"],
      ["refs/heads/last"],
    ]);
  });

  describe("of a bucket, where the server dies before it could tell", () => {
    let bucket: TestBucket;
    let storage: Storage;
    let delivery: unknown;
    const told: PushEvent[] = [];
    const faults: unknown[] = [];

    beforeEach(async (context) => {
      told.length = 0;
      faults.length = 0;
      const endpoint = await demandServer("store", context);
      bucket = await createBucket(endpoint);
      const silent = await listen(503);
      const { region, accessKeyId, secretAccessKey, url } = endpoint;
      const credentials = { accessKeyId, secretAccessKey };
      const first = await startServing(
        ["--store", `s3://${bucket.name}/git`, "--endpoint", url, "--webhook", silent.url],
        environmentOf(endpoint),
      );
      closing.push(first);
      await local.git("push", "--quiet", `${first.url}/a.git`, "main");
      delivery = (await silent.next()).headers["x-millrace-delivery"];
      await first.kill();
      const place = { bucket: bucket.name, prefix: "git", endpoint: url, region, credentials };
      storage = await openS3Storage({ ...place, spoolFolder: join(scratch.path, "spool") });
      closing.push(storage);
    });

    /** Another server over the same bucket. */
    const serve = (options: Partial<ServerOptions>): Promise<GitServer> =>
      startServer(
        storage,
        { host: "127.0.0.1", port: 0 },
        {
          version: "test",
          pushIdleMs: 0,
          onPush: async (event) => void told.push(event),
          onFault: (error) => faults.push(error),
          ...options,
        },
      );

    const expectTold = async (): Promise<void> => {
      expect(told.map(({ repository, refs }) => [repository, ...refs.map(({ name }) => name)])).toEqual([
        ["a.git", "refs/heads/main"],
      ]);
      expect(told[0]?.id).toBe(delivery);
      // It is settled with the storage that told it.
      await storage[Symbol.asyncDispose]();
      expect(Buffer.from(await bucket.get("git/repos/a.git")).toString()).toContain('"notices":[]');
    };

    it("are told by another server that somebody asks for the repository", async () => {
      const store = await storage.open("a.git");
      // The time of the store is known to a second.
      await expect.poll(() => store.outbox?.isDue(0), { timeout: 5000 }).toBe(true);
      expect(store.outbox?.isDue(60_000)).toBe(false);
      const second = await serve({});
      await local.git("ls-remote", `http://127.0.0.1:${second.address.port}/a.git`);
      await second.close(1000);
      await expectTold();
    });

    it("are told by another server though nobody asks for the repository again", async () => {
      // It comes first in the round, and cannot be opened.
      await bucket.put("git/repos/0.git", "{".repeat(10_000));
      const second = await serve({ pushRoundMs: 100 });
      while (told.length === 0) await sleep(20);
      await second.close(1000);
      expect(faults).toContainEqual(expect.objectContaining({ code: "STORAGE_CORRUPT" }));
      await expectTold();
    });
  });

  it("of repositories in memory hear each push once", async () => {
    const told: string[] = [];
    const server = await startServer(
      createMemoryStorage(),
      { host: "127.0.0.1", port: 0 },
      { version: "test", onPush: async ({ refs }) => void told.push(...refs.map(({ name }) => name)) },
    );
    const url = `http://127.0.0.1:${server.address.port}/m.git`;
    for (const name of ["one", "two", "three"])
      await local.git("push", "--quiet", url, `main:refs/heads/${name}`);
    await server.close(1000);
    expect(told).toEqual(["refs/heads/one", "refs/heads/two", "refs/heads/three"]);
  });
});
