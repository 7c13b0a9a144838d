import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { example } from "./commit-a-pack.ts";

test("the example runs", async () => {
  expect(await example).toMatch(/^[0-9a-f]{40} refs\/heads\/main$/);
});

test("the README shows the example as it is", async () => {
  const [readme, source] = await Promise.all(
    ["../README.md", "./commit-a-pack.ts"].map((path) => readFile(new URL(path, import.meta.url), "utf8")),
  );
  expect(readme).toContain(source);
});
