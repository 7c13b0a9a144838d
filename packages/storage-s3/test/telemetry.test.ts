import { createBucket, demandServer, openFaultProxy } from "@millrace/s3-lab";
import { makeTinyPack } from "@millrace/storage/conformance";
import { type AnySpanMessage, subscribe } from "@millrace/telemetry";
import { describe, expect, it } from "vitest";
import { openTestStorage } from "./open-test-storage.ts";
import { pushPack, refsOf } from "./push-pack.ts";

const KINDS = ["manifest", "ref", "file", "pack", "table", "probe"];

describe.each(["manifest", "bare"] as const)("spans of requests, layout %s", (layout) => {
  it("tell each request to the store: what for, which key, how many bytes, how often it was tried", async (ctx) => {
    const bucket = await createBucket(await demandServer("store", ctx));
    await using proxy = await openFaultProxy(bucket.endpoint.url);
    const place = { endpoint: { ...bucket.endpoint, url: proxy.url }, bucket: bucket.name };
    await using storage = await openTestStorage(place, { layout, retryDelayMs: 1 });
    const spans: AnySpanMessage[] = [];
    const unsubscribe = subscribe({
      stop: (span) => void (span.name === "storage.request" && spans.push(span)),
    });
    proxy.clear();
    let refusals = 0;
    // Reads and uploads of files are tried again; what is written under a condition never is.
    proxy.plan = ({ method, path }) =>
      (method === "GET" || (method === "PUT" && path.includes("pack"))) && refusals++ === 0
        ? { kind: "status", status: 503, code: "SlowDown" }
        : undefined;
    const pack = await makeTinyPack("told");
    try {
      const store = await storage.create("r");
      expect(await pushPack(store, pack, "refs/heads/main")).toEqual([undefined]);
      expect(await refsOf(store)).toEqual([`refs/heads/main ${pack.commit}`]);
      await store[Symbol.asyncDispose]();
    } finally {
      unsubscribe();
    }
    const told = spans.map(({ measurements, metadata }) => ({ ...measurements, ...metadata }) as Told);
    for (const each of told) {
      expect(each).toMatchObject({ backend: "s3", operation: expect.stringMatching(/^\w+$/) });
      expect(KINDS).toContain(each.key_kind);
      if (each.operation === "put") expect(each.bytes, each.key).toBeGreaterThan(0);
    }
    const attempts = told.reduce((sum, each) => sum + each.attempts, 0);
    expect(refusals).toBeGreaterThan(0);
    expect(Math.max(...told.map((each) => each.attempts))).toBe(2);
    expect(attempts).toBe(proxy.requests.length);
    const asked = new Set(proxy.requests.map(({ path }) => decodeURIComponent(path.split("?")[0] ?? "")));
    for (const { operation, key } of told) {
      if (operation !== "list") expect(asked).toContain(`/${bucket.name}/${key}`);
    }
    const uploaded = told.filter(({ operation, key_kind }) => operation === "put" && key_kind === "pack");
    // In the layout `manifest` its indexes are in the same file.
    expect(Math.max(...uploaded.map(({ bytes }) => bytes))).toBeGreaterThanOrEqual(pack.bytes.length);
  });
});

/** What a span of one request says. */
interface Told {
  readonly operation: string;
  readonly key_kind: string;
  readonly key: string;
  readonly bytes: number;
  readonly attempts: number;
}
