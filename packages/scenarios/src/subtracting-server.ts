import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { git, gitEnvironment } from "./git.ts";
import { answerWithBackend, type GitHttpBackend } from "./git-http-backend.ts";
import { packets, readPackets } from "./packets.ts";
import { rawPack } from "./raw-pack.ts";

/**
 * Serves a folder of repositories as the large hosts do: what a have reaches, down to the last blob, is never sent, whoever
 * asks for it by id. All else is the answer of `git http-backend`.
 */
export async function startSubtractingServer(root: string): Promise<GitHttpBackend> {
  const server = createServer((request, response) => {
    void answer(root, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const sent = await buffer(request);
  const { "content-encoding": encoding, ...headers } = request.headers;
  const body = encoding === "gzip" ? gunzipSync(sent) : sent;
  const [, repository = ""] = /^\/(.+)\/git-upload-pack$/.exec(request.url ?? "") ?? [];
  if (repository !== "" && (await isSubtracted(join(root, repository), body))) {
    response.setHeader("content-type", "application/x-git-upload-pack-result");
    response.end(emptyAnswer());
    return;
  }
  const onward = Object.assign(Readable.from([body]), {
    url: request.url,
    method: request.method,
    headers: { ...headers, "content-length": String(body.length) },
  });
  answerWithBackend(root, onward, response, { user: "tester", env: gitEnvironment, stderr: "ignore" });
}

/** Whether a fetch wants nothing but what its haves reach. */
async function isSubtracted(repository: string, body: Uint8Array): Promise<boolean> {
  const lines = readPackets(body).found.map((packet) => String(packet).trimEnd());
  if (lines[0] !== "command=fetch" || !lines.includes("done")) return false;
  const named = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  const haves = named("have");
  if (haves.length === 0) return false;
  const reached = await git(["rev-list", "--objects", "--no-object-names", ...haves], { cwd: repository });
  const held = new Set(reached.split("\n"));
  return named("want").every((oid) => held.has(oid));
}

/** A fetch's answer that brings nothing. */
function emptyAnswer(): Buffer {
  const band = Buffer.concat([Buffer.from([1]), rawPack([])]);
  const length = Buffer.from((band.length + 4).toString(16).padStart(4, "0"));
  return Buffer.concat([packets("packfile\n"), length, band, packets("0000")]);
}
