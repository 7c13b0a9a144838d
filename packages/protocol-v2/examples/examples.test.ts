import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { git, runGit, runGitAsync } from "../test/support/git.ts";
import { createGitHost } from "../test/support/git-host.ts";
import { createSampleRepository } from "../test/support/repository.ts";
import { fetchTrees } from "./client.ts";
import { createGitServer } from "./http.ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

it.each(["http.ts", "client.ts"])("the README shows %s as it is", (name) => {
  expect(read("../README.md")).toContain(read(name));
});

it("the README tells every error code", () => {
  const union = /ProtocolErrorCode =([^;]+);/.exec(read("../src/errors.ts"))?.[1] ?? "";
  const codes = [...union.matchAll(/"(PROTOCOL_\w+)"/g)].map((match) => match[1]);
  expect(codes.length).toBeGreaterThan(5);
  for (const code of codes) expect(read("../README.md")).toContain(`| \`${code}\` `);
});

it("the client's example fetches a pack without blobs from the other one", async () => {
  const sample = await createSampleRepository();
  const server = createGitServer(async () => createGitHost(sample.bare, { wants: "any", filters: true }));
  try {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const chunks: Uint8Array[] = [];
    for await (const chunk of fetchTrees(url, "main")) chunks.push(chunk.slice());
    const { status } = runGit(sample.empty, ["index-pack", "--stdin"], Buffer.concat(chunks));
    expect(status).toBe(0);
    const types = git(sample.empty, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)");
    expect(types.split("\n").toSorted()).toEqual(["commit", "tree"]);
  } finally {
    server.close();
    await sample.remove();
  }
});

it("git clones from the example and pushes to it", async () => {
  const sample = await createSampleRepository();
  const server = createGitServer(async () => createGitHost(sample.bare));
  try {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const clone = join(sample.root, "clone");
    const cloned = await runGitAsync(sample.root, ["clone", "-q", url, clone]);
    expect(cloned.status, cloned.stderr).toBe(0);
    git(clone, "commit", "-q", "--allow-empty", "-m", "pushed");
    const pushed = await runGitAsync(clone, ["push", "-q", "origin", "main"]);
    expect(pushed.status, pushed.stderr).toBe(0);
    expect(git(sample.bare, "rev-parse", "main")).toBe(git(clone, "rev-parse", "main"));
  } finally {
    server.close();
    await sample.remove();
  }
});
