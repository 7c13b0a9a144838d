import { join } from "node:path";
import { type AnyEventMessage, type AnySpanMessage, subscribe } from "@millrace/telemetry";
import { afterAll, expect, it } from "vitest";
import { Lab, run, whyNot } from "./lab.ts";

const lab = new Lab();
const reason = whyNot();

afterAll(async () => await lab.end());

it("mounting, unmounting and what was answered in between is told", async (ctx) => {
  if (reason !== undefined) ctx.skip(reason);
  const spans: AnySpanMessage[] = [];
  const events: AnyEventMessage[] = [];
  const unsubscribe = subscribe({
    stop: (span) => void spans.push(span),
    event: (message) => void events.push(message),
  });
  try {
    const mounted = await lab.mount();
    const { directory } = mounted;
    await run("sh", [
      "-c",
      `echo text > ${directory}/file; cat ${directory}/file; mkdir ${directory}/a ${directory}/b`,
    ]);
    await run("rmdir", [join(directory, "file")]).catch(() => undefined);
    await mounted.unmount({ lazy: false });
    expect(spans.map(({ name, metadata, measurements }) => ({ name, metadata, measurements }))).toEqual([
      {
        name: "fuse.mount",
        metadata: { directory, passthrough: false },
        measurements: { minor: mounted.minor },
      },
      { name: "fuse.unmount", metadata: { directory, lazy: false }, measurements: {} },
    ]);
    const sum = (operation: string, key: string): number =>
      events
        .filter(({ metadata }) => (metadata as Record<string, unknown>).operation === operation)
        .reduce((total, { measurements }) => total + ((measurements as Record<string, number>)[key] ?? 0), 0);
    expect(sum("mkdir", "request_count")).toBe(2);
    expect(sum("create", "request_count")).toBe(1);
    expect(sum("write", "request_count")).toBe(1);
    expect(sum("mkdir", "error_count")).toBe(0);
    expect(sum("mkdir", "slow_count")).toBeLessThanOrEqual(2);
    expect(sum("lookup", "total_ms")).toBeGreaterThan(0);
    expect(
      events.every(({ metadata }) => (metadata as Record<string, unknown>).directory === directory),
    ).toBe(true);
  } finally {
    unsubscribe();
  }
});

it("who subscribes later hears of what comes from then on", async (ctx) => {
  if (reason !== undefined) ctx.skip(reason);
  const mounted = await lab.mount();
  await run("mkdir", [join(mounted.directory, "before")]);
  const heard: unknown[] = [];
  const told = new Promise<void>((resolve) => {
    const unsubscribe = subscribe({
      event: ({ metadata }) => {
        heard.push((metadata as Record<string, unknown>).operation);
        unsubscribe();
        resolve();
      },
    });
  });
  // The serving thread hears of it within a second.
  let done = false;
  void told.then(() => (done = true));
  for (let i = 0; !done; i++) await run("sh", ["-c", `mkdir ${mounted.directory}/${i}; sleep 0.1`]);
  expect(heard).toHaveLength(1);
  await mounted.unmount();
});
