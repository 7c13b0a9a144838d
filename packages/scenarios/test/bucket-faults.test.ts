import { join } from "node:path";
import {
  createBucket,
  demandServer,
  type FaultProxy,
  openFaultProxy,
  type TestBucket,
} from "@millrace/s3-lab";
import { openS3Storage } from "@millrace/storage-s3";
import { type GitServer, startServer } from "@millrace/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tryGit } from "../src/git.ts";
import { createScratch, type Scratch } from "../src/scratch.ts";
import { openWorkTree, type WorkTree } from "../src/work-tree.ts";

let scratch: Scratch | undefined;
let bucket: TestBucket;
let proxy: FaultProxy;
let local: WorkTree;
const closing: AsyncDisposable[] = [];
const faults: string[] = [];

beforeEach(async (context) => {
  const endpoint = await demandServer("store", context);
  scratch = await createScratch();
  bucket = await createBucket(endpoint);
  proxy = await openFaultProxy(endpoint.url);
  closing.push(scratch, proxy);
  faults.length = 0;
  local = await openWorkTree(join(scratch.path, "local"), {}, "sha1");
  await local.commit("first", { "a.txt": "one\n" });
});

afterEach(async () => {
  for (const each of closing.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});

/** A server that knows nothing of the bucket yet and gives up soon; answers its URL. */
async function serve(): Promise<string> {
  const { region, accessKeyId, secretAccessKey } = bucket.endpoint;
  const storage = await openS3Storage({
    bucket: bucket.name,
    endpoint: proxy.url,
    region,
    credentials: { accessKeyId, secretAccessKey },
    spoolFolder: join(scratch?.path ?? "", "spool"),
    proveConditions: false,
    maxAttempts: 2,
    retryDelayMs: 5,
    attemptTimeoutMs: 3000,
    commitTimeoutMs: 3000,
  });
  const server: GitServer = await startServer(
    storage,
    { host: "127.0.0.1", port: 0 },
    { version: "test", onFault: (fault) => faults.push(told(fault)) },
  );
  closing.push(storage, { [Symbol.asyncDispose]: () => server.close(0) });
  return `http://127.0.0.1:${server.address.port}/r.git`;
}

/** What the operator's log has of a fault: its messages down to the first cause. */
function told(fault: unknown): string {
  if (!(fault instanceof Error)) return "";
  return `${fault.message}\n${told(fault.cause)}`;
}

const manifest = "repos/r.git";
const AGAIN = "the server's storage does not work at the moment: try again later";
const DAMAGED = "aborting due to possible repository corruption on the remote side.";

describe("a fault of the bucket is told to git in words, and to the operator with the key", () => {
  const breaks: readonly {
    readonly name: string;
    readonly words: string;
    readonly log: RegExp;
    breakIt(): Promise<void>;
  }[] = [
    {
      name: "a damaged manifest",
      words: DAMAGED,
      log: /repos\/r\.git/,
      breakIt: () => bucket.put(manifest, "{"),
    },
    {
      name: "a manifest of a newer version",
      words: "this repository needs another version of the server",
      log: /repos\/r\.git/,
      breakIt: () => bucket.put(manifest, '{"format":1000}'),
    },
    {
      name: "403 on one key",
      words: "the server has no access to this repository; whoever runs it must look",
      log: /repos\/r\.git.*check keys and policies/,
      breakIt: async () => {
        proxy.plan = ({ path }) =>
          path.includes(manifest) ? { kind: "status", status: 403, code: "AccessDenied" } : undefined;
      },
    },
    {
      name: "a clock that differs from the store's",
      words: "the server has no access to this repository; whoever runs it must look",
      log: /clock and the store's differ/,
      breakIt: async () => {
        proxy.plan = () => ({ kind: "status", status: 403, code: "RequestTimeTooSkewed" });
      },
    },
    {
      name: "throttling that does not end",
      words: AGAIN,
      log: /repos\/r\.git.*too much to do/,
      breakIt: async () => {
        proxy.plan = () => ({ kind: "status", status: 503, code: "SlowDown" });
      },
    },
    {
      name: "a store that does not answer",
      words: AGAIN,
      log: /repos\/r\.git/,
      breakIt: async () => {
        proxy.plan = () => ({ kind: "silence" });
      },
    },
    {
      name: "a pack that is missing",
      words: "a part of this repository is missing; whoever runs the server must look",
      log: /data\/.*\.pack/,
      breakIt: async () => {
        for (const key of await bucket.keys("data/")) await bucket.delete(key);
      },
    },
    {
      name: "a pack that is cut",
      words: DAMAGED,
      log: /data\/.*\.pack/,
      breakIt: async () => {
        for (const key of await bucket.keys("data/")) {
          await bucket.put(key, (await bucket.get(key)).subarray(0, -9));
        }
      },
    },
  ];

  it.each(breaks)("$name", async ({ words, log, breakIt }) => {
    const pushed = await local.tryGit("push", "--quiet", await serve(), "main");
    expect(pushed.status, pushed.stderr).toBe(0);
    const url = await serve();
    await breakIt();
    const path = join(scratch?.path ?? "", "clone");
    const { status, stderr } = await tryGit(["clone", "--quiet", url, path]);
    expect(status).not.toBe(0);
    expect(stderr).toContain(words);
    expect(stderr).not.toContain(bucket.name);
    expect(faults.join("")).toMatch(log);
  });

  it("a push whose answer was lost for good", async () => {
    const url = await serve();
    await local.git("push", "--quiet", url, "main");
    await local.commit("second", { "a.txt": "two\n" });
    let isBroken = false;
    proxy.plan = ({ method, path }) => {
      if (!path.includes(manifest)) return undefined;
      isBroken ||= method === "PUT";
      return isBroken ? { kind: "reset-after" } : undefined;
    };
    const { status, stderr } = await local.tryGit("push", "--quiet", url, "main");
    expect(status).not.toBe(0);
    expect(stderr).toContain("this may or may not have been done: look what is there before you try again");
    expect(faults.join("")).toContain("repos/r.git");
    proxy.plan = undefined;
    expect(await local.git("ls-remote", url, "main")).toContain(await local.git("rev-parse", "main"));
  });
});
