import { readFileSync } from "node:fs";
import { span } from "@millrace/telemetry";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { observeServer } from "./adapters.ts";
import { observe } from "./observe.ts";

it("observe tells what the README says", async () => {
  expect(await observe()).toEqual([
    "storage.retry inside storage.commit",
    'storage.commit took some ms: {"ref_count":2}',
  ]);
});

it("observeServer logs and counts", async () => {
  const lines: string[] = [];
  const registry = new Registry();
  const end = observeServer(
    pino({ level: "info" }, { write: (line: string) => void lines.push(line) }),
    registry,
  );
  span("http.request", { method: "GET" }, (request) => request.set("status", 200));
  span("pack.write", {}, () => {});
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(["http.request"]);
  expect(await registry.metrics()).toContain("millrace_pack_write_duration_seconds_count");
  end();
});

it.each(["observe.ts", "adapters.ts"])("the README shows %s as it runs here", (name) => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  expect(readme).toContain(readFileSync(new URL(name, import.meta.url), "utf8"));
});
