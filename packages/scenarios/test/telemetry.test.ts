import { join } from "node:path";
import { type AnySpanMessage, subscribe } from "@millrace/telemetry";
import { describe, expect, it } from "vitest";
import { allEndpointKinds, type EndpointKind } from "../src/endpoints.ts";
import { git } from "../src/git.ts";
import { createScratch } from "../src/scratch.ts";
import { openWorkTree } from "../src/work-tree.ts";

const EXPECTED = [
  "http.request",
  "pack.index",
  "pack.write",
  "receive_pack",
  "storage.commit",
  "storage.list_refs",
  "storage.put_pack",
  "upload_pack.fetch",
  "upload_pack.ls_refs",
];

/** One push and one clone; each span's name with the keys it ended with. */
async function observe(kind: EndpointKind): Promise<Map<string, AnySpanMessage[]>> {
  const endpoint = await kind.open();
  const scratch = await createScratch();
  const local = await openWorkTree(join(scratch.path, "local"), endpoint.env, "sha1");
  await local.commit("one", { "a.txt": "a\n" });
  await local.git("tag", "--annotate", "--message", "t", "t");
  const spans = new Map<string, AnySpanMessage[]>();
  const unsubscribe = subscribe({
    stop: (span) => spans.set(span.name, [...(spans.get(span.name) ?? []), span]),
    error: (span) => expect.soft(span.error).toBeUndefined(),
  });
  try {
    await local.git("push", "--quiet", endpoint.url("seen.git"), "main", "t");
    await git(["clone", "--quiet", endpoint.url("seen.git"), join(scratch.path, "copy")], {
      env: endpoint.env,
    });
    return spans;
  } finally {
    unsubscribe();
    await endpoint[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  }
}

function keysOf(spans: Map<string, AnySpanMessage[]>): Record<string, string[]> {
  const keys: Record<string, string[]> = {};
  for (const name of EXPECTED) {
    const all = (spans.get(name) ?? []).flatMap((span) =>
      Object.keys({ ...span.measurements, ...span.metadata }),
    );
    keys[name] = [...new Set(all)].toSorted();
  }
  return keys;
}

describe("telemetry", () => {
  const inProcess = allEndpointKinds.filter(({ name }) => name.startsWith("HTTP"));

  it("is the same from every backend, but for the backend's name", async () => {
    const perKind = [];
    for (const kind of inProcess) {
      const missing = await kind.missing?.();
      if (missing === undefined) perKind.push(await observe(kind));
      else console.warn(`left out: ${missing}`);
    }
    const [first, ...others] = perKind.map(keysOf);
    for (const other of others) expect(other).toEqual(first);
    for (const name of EXPECTED) expect(first?.[name]?.length, name).toBeGreaterThan(0);
  });

  it("tells counts and sizes, as they are", async () => {
    const spans = await observe(inProcess[0]!);
    const put = spans.get("storage.put_pack")?.[0];
    expect(put?.metadata).toMatchObject({ backend: "fs" });
    expect(put?.measurements).toMatchObject({ idx_size: expect.any(Number) });
    expect((put!.measurements as { pack_size: number }).pack_size).toBeGreaterThan(100);
    const listed = spans.get("storage.list_refs") ?? [];
    expect(listed.map(({ measurements }) => (measurements as { ref_count: number }).ref_count)).toContain(2);
    const index = spans.get("pack.index")?.[0];
    expect(index?.measurements).toMatchObject({ object_count: 4 });
    for (const all of spans.values()) for (const span of all) expect(span.durationMs).toBeGreaterThan(0);
  });
});
