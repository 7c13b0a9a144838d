import { createBucket, demandServer, type S3Endpoint, type TestBucket } from "@millrace/s3-lab";
import { conformanceCases } from "@millrace/storage/conformance";
import { expect, it } from "vitest";
import { runMillrace } from "../src/run-millrace.ts";
import type { ProgramResult } from "../src/run-program.ts";

const doctor = (endpoint: S3Endpoint, bucket: TestBucket, ...flags: string[]): Promise<ProgramResult> =>
  runMillrace(
    endpoint,
    "doctor",
    "--store",
    `s3://${bucket.name}/deep/er`,
    "--endpoint",
    endpoint.url,
    ...flags,
  );

for (const server of ["store", "small"] as const) {
  it(`finds the ${server} good for both layouts, tells how long requests take, and leaves nothing`, async (ctx) => {
    const endpoint = await demandServer(server, ctx);
    const bucket = await createBucket(endpoint);
    await bucket.put("deep/er/mine", "stays");
    for (const layout of ["manifest", "bare"]) {
      const { status, stdout, stderr } = await doctor(
        endpoint,
        bucket,
        "--layout",
        layout,
        "--only",
        "commit:",
        "--json",
      );
      expect([status, stderr]).toEqual([0, ""]);
      const told = JSON.parse(stdout);
      expect(told).toMatchObject({ ok: true, layout, conformance: { failed: [], skipped: [] } });
      expect(told.conformance.passed).toBeGreaterThan(3);
      expect(told.checks.map((check: { outcome: string }) => check.outcome)).toEqual([
        "ok",
        "ok",
        "ok",
        "ok",
      ]);
      for (const request of ["get", "put", "delete"]) {
        const found = told.latencies.find((each: { request: string }) => each.request === request);
        expect(found.minMs).toBeGreaterThan(0);
        expect(found.p99Ms).toBeGreaterThanOrEqual(found.medianMs);
      }
    }
    expect(await bucket.keys()).toEqual(["deep/er/mine"]);
  });
}

it("runs the whole suite, and leaves nothing", async (ctx) => {
  const endpoint = await demandServer("store", ctx);
  const bucket = await createBucket(endpoint);
  const { status, stdout } = await doctor(endpoint, bucket, "--json");
  expect(status, stdout).toBe(0);
  const { conformance } = JSON.parse(stdout);
  expect(conformance.failed).toEqual([]);
  expect(conformance.passed + conformance.skipped.length).toBe(conformanceCases.length);
  expect(await bucket.keys()).toEqual([]);
});

it("says what a store without conditional deletions cannot do", async (ctx) => {
  const endpoint = await demandServer("moto", ctx);
  const bucket = await createBucket(endpoint);
  const { status, stdout } = await doctor(endpoint, bucket, "--layout", "bare", "--only", "HEAD");
  expect(stdout).toContain("limited  conditional deletions: If-Match on DELETE is ignored");
  expect(stdout).toContain("Repositories can be stored here.");
  expect(status).toBe(0);
  expect(await bucket.keys()).toEqual([]);
});

it("refuses a store without conditional writes and says why, and one that it cannot reach", async (ctx) => {
  const endpoint = await demandServer("unconditional", ctx);
  const bucket = await createBucket(endpoint);
  const { status, stdout } = await doctor(endpoint, bucket);
  expect(stdout).toMatch(
    /FAILED {3}conditional writes: .*If-None-Match is ignored.*could overwrite each other/,
  );
  expect(stdout).toContain("the conformance suite was not run");
  expect(stdout).toContain("Repositories cannot be stored here.");
  expect(status).toBe(1);
  expect(await bucket.keys()).toEqual([]);

  const elsewhere = { ...bucket, name: "no-such-bucket" };
  const store = await demandServer("store", ctx);
  const lost = await doctor(store, elsewhere);
  expect(lost.status).toBe(1);
  expect(lost.stdout).toMatch(
    /FAILED {3}the bucket can be read and written: there is no bucket no-such-bucket/,
  );
});
