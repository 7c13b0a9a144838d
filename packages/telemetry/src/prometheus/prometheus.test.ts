import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { event, span } from "../index.ts";
import { subscribePrometheus } from "./index.ts";

const linesOf = async (registry: Registry, start: string): Promise<string[]> =>
  (await registry.metrics()).split("\n").filter((line) => line.startsWith(start));

describe("subscribePrometheus", () => {
  it("counts durations, measurements, errors and events", async () => {
    const registry = new Registry();
    const unsubscribe = subscribePrometheus(registry, { bucketsSeconds: [60] });
    for (const pack_id of ["aa", "bb"]) {
      span("storage.put_pack", { pack_id, backend: "fs" }, (handle) => {
        handle.set("pack_size", 100);
        handle.set("idx_size", 1);
      });
    }
    await expect(
      span("storage.put_pack", { backend: "fs" }, () =>
        Promise.reject(Object.assign(new Error("full"), { code: "STORAGE_IO" })),
      ),
    ).rejects.toThrow();
    span("http.request", { method: "GET", route: "info/refs", repository: "secret/name" }, (handle) => {
      handle.set("status", 200);
      handle.set("response_bytes", 7);
    });
    event("storage.retry", { attempt: 1, delay_ms: 20 }, { backend: "fs", operation: "lock_ref" });

    expect(await linesOf(registry, "millrace_storage_put_pack")).toEqual([
      'millrace_storage_put_pack_duration_seconds_bucket{le="60",backend="fs"} 3',
      'millrace_storage_put_pack_duration_seconds_bucket{le="+Inf",backend="fs"} 3',
      expect.stringMatching(/^millrace_storage_put_pack_duration_seconds_sum\{backend="fs"\} \d/),
      'millrace_storage_put_pack_duration_seconds_count{backend="fs"} 3',
      'millrace_storage_put_pack_errors_total{backend="fs",code="STORAGE_IO"} 1',
      'millrace_storage_put_pack_pack_size_bytes_total{backend="fs"} 200',
      'millrace_storage_put_pack_idx_size_bytes_total{backend="fs"} 2',
    ]);
    expect(await linesOf(registry, "millrace_http_request_response_bytes_total")).toEqual([
      'millrace_http_request_response_bytes_total{method="GET",route="info/refs",service="",status="200"} 7',
    ]);
    expect(await linesOf(registry, "millrace_storage_retry")).toEqual([
      'millrace_storage_retry_total{backend="fs",operation="lock_ref"} 1',
      'millrace_storage_retry_attempt_total{backend="fs",operation="lock_ref"} 1',
      'millrace_storage_retry_delay_ms_total{backend="fs",operation="lock_ref"} 20',
    ]);
    const text = await registry.metrics();
    expect(text).not.toContain("secret/name");
    expect(text).not.toContain('"aa"');
    expect(text).not.toContain("http_request_status_total");

    unsubscribe();
    unsubscribe();
    expect((await registry.metrics()).trim()).toBe("");
    subscribePrometheus(registry)();
  });

  it("bounds the values of a label, whatever is thrown at it", async () => {
    const registry = new Registry();
    const unsubscribe = subscribePrometheus(registry, {
      prefix: "git_",
      maxLabelValues: 3,
      bucketsSeconds: [1],
    });
    for (let i = 0; i < 100; i += 1) {
      span("receive_pack", { outcome: `outcome ${i}` }, (handle) => handle.set("command_count", 1));
    }
    unsubscribe();
    const again = subscribePrometheus(registry, { maxLabelValues: 3 });
    for (let i = 0; i < 100; i += 1) {
      try {
        span("receive_pack", {}, () => {
          throw Object.assign(new Error("no"), { code: `E${i}` });
        });
      } catch {}
    }
    expect(await linesOf(registry, "millrace_receive_pack_errors_total")).toEqual([
      'millrace_receive_pack_errors_total{outcome="",code="E0"} 1',
      'millrace_receive_pack_errors_total{outcome="",code="E1"} 1',
      'millrace_receive_pack_errors_total{outcome="",code="E2"} 1',
      'millrace_receive_pack_errors_total{outcome="",code="other"} 97',
    ]);
    again();
  });

  it("counts the values past the bound as other", async () => {
    const registry = new Registry();
    const unsubscribe = subscribePrometheus(registry, { prefix: "git_", maxLabelValues: 2 });
    for (let i = 0; i < 5; i += 1) {
      span("receive_pack", { outcome: `outcome ${i}` }, (handle) => handle.set("command_count", 2));
    }
    expect(await linesOf(registry, "git_receive_pack_command_count_total")).toEqual([
      'git_receive_pack_command_count_total{outcome="outcome 0"} 2',
      'git_receive_pack_command_count_total{outcome="outcome 1"} 2',
      'git_receive_pack_command_count_total{outcome="other"} 6',
    ]);
    unsubscribe();
  });

  it.each([{ prefix: "9" }, { bucketsSeconds: [2, 1] }, { bucketsSeconds: [] }, { maxLabelValues: 0 }])(
    "refuses malformed options: %o",
    (options) => {
      expect(() => subscribePrometheus(new Registry(), options)).toThrow();
    },
  );
});
