import { createHash, randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Endpoint, defaultEndpoint } from "../src/endpoints.ts";
import { git, tryGit } from "../src/git.ts";
import { kinds, packOf, rawPack, resealed } from "../src/raw-pack.ts";
import { rawPush, rawPushBody } from "../src/raw-push.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { type WorkTree, openWorkTree } from "../src/work-tree.ts";

const ZERO = "0".repeat(40);
const MISSING = "1".repeat(40);

/** Lines none of which repeats another: a changed byte never inflates to the same content, as it may where they do. */
const distinctLines = (count: number): string =>
  Array.from({ length: count }, (_, n) => `${createHash("sha1").update(`${n}`).digest("hex")}\n`).join("");

describe("what a server is not to swallow", () => {
  let endpoint: Endpoint;
  let scratch: Scratch;
  let local: WorkTree;
  let tip: string;
  let pack: Buffer;
  let before: string[];
  let url: string;

  beforeAll(async () => {
    endpoint = await defaultEndpoint.open({
      receive: { maxPackBytes: 300_000 },
      maxFetchRequestBytes: 100_000,
    });
    scratch = await createScratch();
    local = await openWorkTree(join(scratch.path, "local"), endpoint.env, "sha1");
    for (let i = 0; i < 10; i++) await local.commit(`c${i}`, { "a.txt": distinctLines(100 + i) });
    url = endpoint.url("target.git");
    await local.git("push", "--quiet", url, "main");
    await local.commit("more", { "b.txt": distinctLines(25), "a.txt": distinctLines(50) });
    tip = await local.git("rev-parse", "main");
    pack = packOf(local.path, ["main"]);
    before = await inventory();
  });

  afterAll(async () => {
    await endpoint[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  /** Every file of the served repository. */
  async function inventory(): Promise<string[]> {
    const entries = await readdir(endpoint.directory?.("target.git") as string, { recursive: true });
    return entries.toSorted();
  }

  /** Pushes by hand a new branch with a pack that is to be refused; nothing of it may stay. */
  async function expectRefused(
    bytes: Uint8Array,
    target: string,
    told: RegExp,
    verdict = /^ng refs\/heads\/bad /,
  ): Promise<void> {
    const answer = await rawPush(url, rawPushBody([[ZERO, target, "refs/heads/bad"]], bytes));
    expect(answer.status).toBe(200);
    expect(`${answer.progress}\n${answer.report.join("\n")}`).toMatch(told);
    expect(answer.report.at(-1)).toMatch(verdict);
    expect(await inventory()).toEqual(before);
  }

  it("takes the same pack when it is whole", async () => {
    const answer = await rawPush(url, rawPushBody([[ZERO, tip, "refs/heads/good"]], pack));
    expect(answer.report).toEqual(["unpack ok", "ok refs/heads/good"]);
    await local.git("push", "--quiet", url, ":refs/heads/good");
    before = await inventory();
  });

  it("refuses a pack that ends early, wherever it ends", { timeout: 600_000 }, async () => {
    for (let end = 0; end < pack.length; end += Math.ceil(pack.length / 40)) {
      const told = end < 12 ? /unpack eof before pack header was fully read/ : /fatal: early EOF/;
      await expectRefused(pack.subarray(0, end), tip, told);
    }
  });

  it("refuses a pack with a wrong checksum", async () => {
    const wrong = Buffer.from(pack);
    wrong[wrong.length - 1]! ^= 1;
    await expectRefused(wrong, tip, /fatal: final sha1 did not match/);
  });

  it("refuses a pack whose bytes were changed, checksum and all", { timeout: 600_000 }, async () => {
    for (let at = 12; at < pack.length - 20; at += Math.ceil(pack.length / 40)) {
      const bent = Buffer.from(pack);
      bent[at]! ^= 0x41;
      await expectRefused(resealed(bent), tip, /unpack |missing necessary objects/);
    }
  });

  it("refuses what is no pack, and a pack that claims more than it has", async () => {
    await expectRefused(randomBytes(2000), tip, /pack signature mismatch/);
    await expectRefused(rawPack([{ kind: kinds.blob, content: Buffer.from("x") }], 2), tip, /unpack /);
    await expectRefused(
      rawPack([{ kind: kinds.blob, content: Buffer.from("x") }], 4_000_000_000),
      tip,
      /unpack /,
    );
  });

  it("refuses a delta whose base is nowhere", async () => {
    const delta = Buffer.from([1, 1, 0x90, 1]);
    await expectRefused(
      rawPack([{ kind: kinds.refDelta, content: delta, base: MISSING }]),
      tip,
      /unresolved delta|unpack index-pack/,
    );
  });

  it("refuses a pack that lacks what its commits need", async () => {
    await local.git("checkout", "--quiet", "--orphan", "fresh");
    const fresh = await local.commit("fresh", { "only-here.txt": randomBytes(40).toString("hex") });
    await local.git("checkout", "--quiet", "main");
    const blobless = packOf(local.path, [fresh], "--filter=blob:none");
    await expectRefused(blobless, fresh, /missing necessary objects/);
    const without = rawPack([{ kind: kinds.blob, content: Buffer.from("unrelated") }]);
    await expectRefused(without, fresh, /missing necessary objects/);
  });

  it("refuses objects that fsck refuses, with git's words, and tells the git user", async () => {
    const badTree = await git(["hash-object", "-w", "-t", "tree", "--literally", "--stdin"], {
      cwd: local.path,
      input: Buffer.concat([
        Buffer.from("100644 .git\0"),
        Buffer.from(await local.git("rev-parse", "main:a.txt"), "hex"),
      ]),
    });
    const commit = await local.git("commit-tree", badTree, "-m", "evil");
    const { status, stderr } = await local.tryGit("push", url, `${commit}:refs/heads/bad`);
    expect(status).toBe(1);
    expect(stderr).toMatch(/remote: error: object [0-9a-f]{40}: hasDotgit: contains '\.git'/);
    expect(stderr).toContain("! [remote rejected]");
    expect(stderr).toContain("(unpacker error)");
    expect(await inventory()).toEqual(before);
  });

  it("refuses a push over the size limit, and the git user reads why", async () => {
    await local.git("checkout", "--quiet", "-B", "fat", "main");
    await local.commit("fat", { "fat.bin": randomBytes(1_500_000).toString("base64") });
    const { status, stderr } = await local.tryGit("push", url, "fat");
    await local.git("checkout", "--quiet", "main");
    expect(status).toBe(1);
    expect(stderr).toMatch(/remote: fatal: pack exceeds maximum allowed size/);
    expect(stderr).toContain("! [remote rejected]");
    expect(await inventory()).toEqual(before);
  });

  it("creates no repository for a refused push", async () => {
    const fresh = endpoint.url("never.git");
    const refused = await rawPush(
      fresh,
      rawPushBody([[ZERO, tip, "refs/heads/main"]], pack.subarray(0, 500)),
    );
    expect(refused.report[0]).toMatch(/^unpack /);
    const root = join(endpoint.directory?.("target.git") as string, "..");
    await expect.poll(() => readdir(root)).toEqual(["target.git"]);
    expect((await tryGit(["ls-remote", fresh])).stderr).toContain("not found");
  });

  it("leaves nothing of a client that vanishes in mid-pack", async () => {
    const body = rawPushBody([[ZERO, tip, "refs/heads/bad"]], pack);
    const vanish = (to: string): Promise<void> =>
      new Promise((resolve) => {
        const target = new URL(`${to}/git-receive-pack`);
        const client = httpRequest(target, {
          method: "POST",
          headers: {
            "content-type": "application/x-git-receive-pack-request",
            "transfer-encoding": "chunked",
          },
        });
        client.on("error", () => {});
        client.on("close", resolve);
        client.write(body.subarray(0, body.length - 300));
        setTimeout(() => client.destroy(), 150);
      });
    await vanish(url);
    await vanish(endpoint.url("vanished.git"));
    await expect.poll(inventory).toEqual(before);
    const root = join(endpoint.directory?.("target.git") as string, "..");
    await expect.poll(() => readdir(root)).toEqual(["target.git"]);
  });

  it("tells unknown capabilities, bad lines and oversize packets as errors", async () => {
    const fetchRequest = (body: string | Uint8Array, version = "version=2"): Promise<Response> =>
      fetch(`${url}/git-upload-pack`, {
        method: "POST",
        headers: { "content-type": "application/x-git-upload-pack-request", "git-protocol": version },
        body: body as BodyInit,
      });
    const text = async (body: string | Uint8Array): Promise<string> => (await fetchRequest(body)).text();
    expect(await text("0013command=nothing0000")).toMatch(/^....ERR invalid command 'nothing'/);
    expect(await text("0011command=fetch0012no-such-thing=0000")).toMatch(
      /^....ERR unknown capability 'no-such-thing='/,
    );
    expect(await text("0014command=ls-refs\n0001000bnonsense0000")).toMatch(/^....ERR /);
    expect(await text("fff9")).toMatch(/^....ERR /);
    expect(await text("zzzz")).toMatch(/^....ERR /);
    expect(await text(`0011command=fetch00010032want ${MISSING}\n0009done\n0000`)).toMatch(
      /ERR upload-pack: not our ref 1{40}/,
    );
  });

  it("gives the user of a real git the status and the words that git gives", async () => {
    const { status, stderr } = await tryGit([
      "clone",
      endpoint.url("nothing-here.git"),
      join(scratch.path, "x"),
    ]);
    expect(status).toBe(128);
    expect(stderr).toMatch(/fatal: repository '.*nothing-here.git\/' not found/);
  });

  it("answers paths that lead out of the root with 404, before anything looks at them", async () => {
    const { port } = new URL(url);
    for (const path of [
      "/../../etc",
      "/%2e%2e/%2e%2e/etc",
      "/a/..%2f..%2fetc",
      "/a//b",
      "/a\\..\\b",
      "/%00",
      "/./a",
      "/a%0ab",
    ]) {
      for (const suffix of ["/info/refs?service=git-upload-pack", "/info/refs?service=git-receive-pack"]) {
        expect(
          await rawStatus(
            Number(port),
            `GET ${path}${suffix} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
          ),
        ).toBe(404);
      }
    }
  });

  it("holds compressed requests to their inflated size, and refuses damaged ones", async () => {
    const send = (body: Uint8Array, encoding: string): Promise<Response> =>
      fetch(`${url}/git-upload-pack`, {
        method: "POST",
        headers: {
          "content-type": "application/x-git-upload-pack-request",
          "git-protocol": "version=2",
          "content-encoding": encoding,
        },
        body: body as BodyInit,
      });
    const lines = `0011command=fetch0001${`0032have ${MISSING}\n`.repeat(100_000)}0000`;
    expect((await send(gzipSync(lines), "gzip")).status).toBe(413);
    expect((await send(gzipSync("0014command=ls-refs\n0000"), "x-gzip")).status).toBe(200);
    expect((await send(Buffer.from("not gzip at all"), "gzip")).status).toBe(400);
    expect((await send(Buffer.from("0000"), "br")).status).toBe(415);
  });
});

/** The status of an answer to bytes that no HTTP library would send. */
function rawStatus(port: number, request: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    let answer = "";
    socket.on("data", (chunk) => (answer += String(chunk)));
    socket.on("error", reject);
    socket.on("close", () => resolve(Number(answer.slice(9, 12))));
  });
}
