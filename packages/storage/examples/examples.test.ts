import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { example } from "./commit-a-pack.ts";
import { findRef, writeRefs } from "./ref-table.ts";

test("the example runs", async () => {
  expect(await example).toMatch(/^[0-9a-f]{40} refs\/heads\/main$/);
});

test("the example of ref tables runs", async () => {
  const oid = "1".repeat(40);
  const refs = Array.from({ length: 500 }, (_, i) => ({ name: `refs/heads/${1000 + i}`, oid }));
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeRefs(refs)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const read = async (offset: number, length: number): Promise<Uint8Array> =>
    bytes.subarray(offset, offset + length);
  const found = await findRef({ sizeBytes: bytes.length, read }, "refs/heads/1234");
  expect(found).toMatchObject({ key: "refs/heads/1234", oid });
});

test("the README shows the examples as they are", async () => {
  const [readme, ...sources] = await Promise.all(
    ["../README.md", "./commit-a-pack.ts", "./ref-table.ts"].map((path) =>
      readFile(new URL(path, import.meta.url), "utf8"),
    ),
  );
  for (const source of sources) expect(readme).toContain(source);
});
