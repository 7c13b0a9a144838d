import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { serveMemory } from "./serve-memory.ts";

it("serve-memory: a push is offered, a missing repository is not", async () => {
  const server = await serveMemory(0);
  const url = `http://127.0.0.1:${server.address.port}/any.git/info/refs?service=git-`;
  expect((await fetch(`${url}receive-pack`)).status).toBe(200);
  expect((await fetch(`${url}upload-pack`)).status).toBe(404);
  await server.close(0);
});

it("the README shows the example as it runs here", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  expect(readme).toContain(readFileSync(new URL("serve-memory.ts", import.meta.url), "utf8"));
});
