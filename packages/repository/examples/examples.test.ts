import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { pushAndFetch } from "./push-and-fetch.ts";

it("push-and-fetch: one object goes in and comes out", async () => {
  expect(await pushAndFetch("hello\n")).toEqual({
    oid: "ce013625030ba8dba906f756967f9e9ca394464a",
    packBytes: expect.any(Number),
  });
});

it("the README shows the example as it runs here", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  expect(readme).toContain(readFileSync(new URL("push-and-fetch.ts", import.meta.url), "utf8"));
});
