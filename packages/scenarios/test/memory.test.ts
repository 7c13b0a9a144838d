import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { git } from "../src/git.ts";
import { isLight } from "../src/light.ts";
import { randomPush } from "../src/random-pack.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { type ServerProcess, startServerProcess } from "../src/server-process.ts";

const MIB = 1024 * 1024;
/** What a whole server may take, whatever is pushed. */
const MAX_SERVER_BYTES = 256_000_000;
const ZERO = "0".repeat(40);
const EMPTY_PACK = Buffer.from("5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e", "hex");

describe("a server's memory", () => {
  let scratch: Scratch;
  let server: ServerProcess;

  beforeAll(async () => {
    scratch = await createScratch();
    server = await startServerProcess(join(scratch.path, "repositories"));
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  /**
   * Streams a pack of so many MiB into a repository and points the branch `random` to its commit. That commit is known
   * only when the pack has been made, behind the commands: so the pack rides on a branch to an empty commit.
   */
  async function pushRandom(name: string, mebibytes: number): Promise<void> {
    const seed = randomPush(0);
    const seedPack = await collect(seed.pack);
    await post(name, [`${ZERO} ${await seed.commit} refs/heads/main`], [seedPack]);
    const push = randomPush(mebibytes);
    await post(name, [`${ZERO} ${await seed.commit} refs/heads/carrier`], push.pack);
    await post(name, [`${ZERO} ${await push.commit} refs/heads/random`], [EMPTY_PACK]);
  }

  async function post(
    name: string,
    commands: readonly string[],
    pack: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const client = request(`${server.url}/${name}/git-receive-pack`, {
      method: "POST",
      headers: { "content-type": "application/x-git-receive-pack-request" },
    });
    const answered = once(client, "response");
    for (const line of commands) {
      const payload = `${line}\0 report-status`;
      client.write(`${(payload.length + 4).toString(16).padStart(4, "0")}${payload}`);
    }
    client.write("0000");
    for await (const chunk of pack) if (!client.write(chunk)) await once(client, "drain");
    client.end();
    const [response] = await answered;
    const text = Buffer.from(await collect(response)).toString();
    if (!text.includes("unpack ok") || text.includes("ng ")) throw new Error(`push refused: ${text}`);
  }

  it("does not grow with the size of a push: 1 GB of random blobs", { timeout: 300_000 }, async (context) => {
    if (isLight) context.skip("heavy: runs once, on the first Node");
    await pushRandom("small.git", 64);
    const afterSmall = await server.peakMemoryBytes();
    await pushRandom("large.git", 1024);
    const afterLarge = await server.peakMemoryBytes();
    console.log(
      `peak RSS: ${Math.round(afterSmall / MIB)} MiB after 64 MiB, ${Math.round(afterLarge / MIB)} MiB after 1 GiB`,
    );
    expect(afterLarge).toBeLessThan(MAX_SERVER_BYTES);
    expect(afterLarge - afterSmall).toBeLessThan(64 * MIB);
    const directory = join(scratch.path, "repositories", "large.git");
    expect((await git(["rev-list", "--objects", "random"], { cwd: directory })).split("\n").length).toBe(
      1026,
    );
    await git(["fsck", "--strict", "--connectivity-only"], { cwd: directory });
  });

  it("stays flat under a client that reads slowly", { timeout: 600_000 }, async () => {
    await pushRandom("slow.git", 96);
    const warm = join(scratch.path, "warm");
    for (let i = 0; i < 2; i++)
      await git(["clone", "--quiet", "--bare", `${server.url}/slow.git`, `${warm}-${i}`]);
    const tip = await git(["rev-parse", "random"], { cwd: `${warm}-0` });
    const body = `0011command=fetch0001000fno-progress0032want ${tip}\n0009done\n0000`;
    const { port } = new URL(server.url);
    const socket = connect(Number(port), "127.0.0.1");
    await once(socket, "connect");
    const before = await server.memoryBytes();
    socket.write(
      `POST /slow.git/git-upload-pack HTTP/1.1\r\nHost: localhost\r\nGit-Protocol: version=2\r\n` +
        `Content-Type: application/x-git-upload-pack-request\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    let received = 0;
    let peak = before;
    for (let i = 0; i < 60; i++) {
      await delay(50);
      received += (socket.read() as Buffer | null)?.length ?? 0;
      peak = Math.max(peak, await server.memoryBytes());
    }
    socket.destroy();
    console.log(
      `slow reader: ${Math.round(received / MIB)} MiB read, RSS grew by ${((peak - before) / MIB).toFixed(1)} MiB`,
    );
    expect(received).toBeGreaterThan(MIB);
    expect(received).toBeLessThan(90 * MIB);
    expect(peak - before).toBeLessThan(16 * MIB);
  });
});

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
