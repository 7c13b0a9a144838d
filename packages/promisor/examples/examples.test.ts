import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { createLentRepository } from "../test/support/repository.ts";
import { readFile } from "./read-file.ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

it("the README shows the example as it is", () => {
  expect(read("../README.md")).toContain(read("read-file.ts"));
});

it("the README tells every error code", () => {
  const codes = [...read("../src/errors.ts").matchAll(/"(PROMISOR_\w+)"/g)].map((match) => match[1]);
  expect(codes.length).toBeGreaterThan(2);
  for (const code of codes) expect(read("../README.md")).toContain(`| \`${code}\` `);
});

it("reads a file of a repository that git serves", async () => {
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
  expect(Buffer.from((await readFile(url, "main", "README"))!).toString()).toBe("version 6\n");
  expect(await readFile(url, "main", "absent")).toBeUndefined();
  expect(await readFile(url, "absent", "README")).toBeUndefined();
  server.closeAllConnections();
  server.close();
});
