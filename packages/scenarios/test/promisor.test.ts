import { join } from "node:path";
import { parseCommit, parseTree } from "@millrace/pack";
import { createPromisor, openRemoteSource, SharedPromisor } from "@millrace/promisor";
import { openHttpTransport, openRemote } from "@millrace/protocol-v2/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultEndpoint } from "../src/endpoints.ts";
import { git } from "../src/git.ts";
import { startGitHttpBackend } from "../src/git-http-backend.ts";
import { createHistory } from "../src/history.ts";
import { type RequestCounter, startRequestCounter } from "../src/request-counter.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";

/** What a lazy reader's requests are counted against. */
const servers = ["git http-backend", "our server"] as const;

describe.each(servers)("a lazy reader of a repository that %s serves", (name) => {
  let scratch: Scratch;
  let server: AsyncDisposable;
  let counter: RequestCounter;
  let path: string;

  beforeAll(async () => {
    scratch = await createScratch();
    path = (await createHistory(join(scratch.path, "local"), "sha1")).path;
    let root = scratch.path;
    let url: string;
    if (name === "our server") {
      const endpoint = await defaultEndpoint.open();
      server = endpoint;
      url = endpoint.url("");
      root = endpoint.directory?.("") ?? "";
    } else {
      const backend = await startGitHttpBackend(scratch.path);
      server = backend;
      url = backend.url;
    }
    const served = join(root, "history.git");
    await git(["clone", "--quiet", "--mirror", path, served]);
    for (const key of ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"]) {
      await git(["config", key, "true"], { cwd: served });
    }
    counter = await startRequestCounter(url);
  });

  afterAll(async () => {
    await counter[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  it("needs three requests for its first file, one more for the rest of the tree", async () => {
    const remote = openRemote(openHttpTransport(`${counter.url}/history.git`));
    const objects = new SharedPromisor(await createPromisor(openRemoteSource(remote)));
    const tips: string[] = [];
    for await (const { oid } of remote.listRefs({ prefixes: ["refs/heads/main"] })) tips.push(oid ?? "");
    const commit = parseCommit((await objects.resolve(tips[0]!)).content, "sha1");
    const files = new Map<string, string>();
    const walk = async (tree: string, prefix: string): Promise<void> => {
      for (const { mode, name: file, oid } of parseTree((await objects.resolve(tree)).content, "sha1")) {
        const full = prefix + Buffer.from(file).toString();
        if (mode === 0o40000) await walk(oid, `${full}/`);
        else files.set(full, oid);
      }
    };
    await walk(commit.tree, "");
    expect(Buffer.from((await objects.resolve(files.get("README")!)).content).toString()).toBe(
      `${await git(["show", "main:README"], { cwd: path })}\n`,
    );
    // The capabilities, the refs, the commit with its trees, the blob.
    expect(counter.requests).toEqual(["GET", "POST", "POST", "POST"]);
    await objects.prefetch(files.values());
    expect(counter.requests.length).toBe(5);
    for (const [file, oid] of files) {
      expect(objects.isHere(oid)).toBe(true);
      expect(await git(["rev-parse", `main:${file}`], { cwd: path })).toBe(oid);
    }
    await remote[Symbol.asyncDispose]();
  });
});
