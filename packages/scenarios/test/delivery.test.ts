import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type ConversationOptions, serveUploadPack } from "@millrace/protocol-v2";
import { openRepository } from "@millrace/repository";
import { openFsRepository } from "@millrace/storage-fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Endpoint, defaultEndpoint } from "../src/endpoints.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { type WorkTree, openWorkTree } from "../src/work-tree.ts";

const OPTIONS: ConversationOptions = { version: 2, agent: "test" };

describe("the bytes of an answer", () => {
  let endpoint: Endpoint;
  let scratch: Scratch;
  let local: WorkTree;
  let request: Buffer;

  beforeAll(async () => {
    endpoint = await defaultEndpoint.open();
    scratch = await createScratch();
    local = await openWorkTree(join(scratch.path, "local"), endpoint.env, "sha1");
    for (let i = 0; i < 40; i++) {
      await local.commit(`c${i}`, { [`f${i % 9}`]: randomBytes(6000 + i).toString("hex") });
      if (i % 10 === 0) await local.git("push", "--quiet", endpoint.url("steady.git"), "main");
    }
    await local.git("push", "--quiet", endpoint.url("steady.git"), "main");
    const [tip, old] = [await local.git("rev-parse", "main"), await local.git("rev-parse", "main~25")];
    request = Buffer.from(
      `0011command=fetch0001000dthin-pack000dofs-delta0032want ${tip}\n0032have ${old}\n0009done\n0000`,
    );
  });

  afterAll(async () => {
    await endpoint[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  /** Answers the request, fed in chunks of one size, to a reader that waits between chunks. */
  async function answer(chunkBytes: number, waitMs: number): Promise<Buffer> {
    const store = await openFsRepository(endpoint.directory?.("steady.git") as string);
    const repository = openRepository(store);
    const view = await repository.openView();
    const received: Uint8Array[] = [];
    for await (const chunk of serveUploadPack(view, inChunks(request, chunkBytes), OPTIONS)) {
      received.push(Uint8Array.from(chunk));
      if (waitMs > 0) await delay(waitMs);
    }
    await view[Symbol.asyncDispose]();
    await repository[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    return Buffer.concat(received);
  }

  it("depend neither on how the request was chunked nor on the reader's pace", {
    timeout: 600_000,
  }, async () => {
    const whole = await answer(request.length, 0);
    expect(whole.length).toBeGreaterThan(2 * 65_520);
    for (const chunkBytes of [1, 3, 7, 64]) expect(await answer(chunkBytes, 0)).toEqual(whole);
    expect(await answer(request.length, 15)).toEqual(whole);
  });

  it("are the same whether they are streamed over HTTP or collected", async () => {
    const response = await fetch(`${endpoint.url("steady.git")}/git-upload-pack`, {
      method: "POST",
      headers: { "content-type": "application/x-git-upload-pack-request", "git-protocol": "version=2" },
      body: new Uint8Array(request),
    });
    expect(Buffer.from(await response.arrayBuffer())).toEqual(await answer(request.length, 0));
  });
});

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}
