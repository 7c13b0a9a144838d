import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { createLentRepository } from "../test/support/repository.ts";
import { readAndSearch } from "./read-file.ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

it("the README shows the example as it is", () => {
  expect(read("../README.md")).toContain(read("read-file.ts"));
});

it("the README tells every error code", () => {
  const codes = [...read("../src/errors.ts").matchAll(/"(PROMISOR_\w+)"/g)].map((match) => match[1]);
  expect(codes.length).toBeGreaterThan(2);
  for (const code of codes) expect(read("../README.md")).toContain(`| \`${code}\` `);
});

it("reads and searches a repository that git serves", async () => {
  await using lent = await createLentRepository();
  // git's own stateless service, as a web server would run it.
  const server = createServer((request, response) => {
    const isAdvertisement = request.method === "GET";
    const kind = isAdvertisement ? "advertisement" : "result";
    response.setHeader("content-type", `application/x-git-upload-pack-${kind}`);
    const args = [
      "upload-pack",
      "--stateless-rpc",
      ...(isAdvertisement ? ["--advertise-refs"] : []),
      lent.path,
    ];
    const child = spawn("git", args, { env: { ...process.env, GIT_PROTOCOL: "version=2" } });
    request.pipe(child.stdin);
    child.stdout.pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const { content, found } = await readAndSearch(url, "main", "README", "4 2");
  expect(content).toBe("version 6\n");
  expect(found.length).toBe(44);
  expect(found[0]).toBe("src/part-1/file-2.txt:1: 4 2");
  server.closeAllConnections();
  server.close();
});
