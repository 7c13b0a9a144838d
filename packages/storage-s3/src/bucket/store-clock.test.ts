import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { createStoreClock } from "./store-clock.ts";

it("is never ahead of the store, and behind it by a second and an answer at most", () => {
  const answers = fc.array(fc.record({ waitMs: fc.nat(5000), upMs: fc.nat(300), downMs: fc.nat(300) }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(fc.nat(10_000), answers, (aheadMs, told) => {
      const clock = createStoreClock();
      const storeMs = (atMs: number): number => Date.UTC(2026, 0, 1) + aheadMs + atMs;
      let now = 0;
      using steady = vi.spyOn(performance, "now").mockImplementation(() => now);
      for (const { waitMs, upMs, downMs } of told) {
        now += waitMs;
        const askedMs = now;
        const date = new Date(storeMs((now += upMs))).toUTCString();
        clock.hear(date, askedMs, (now += downMs));
        const behind = storeMs(now) - clock.nowMs();
        expect(behind).toBeGreaterThanOrEqual(0);
        expect(behind).toBeLessThanOrEqual(1000 + upMs + downMs);
      }
      expect(steady).toHaveBeenCalled();
    }),
  );
});

it("follows a store whose clock was set, and tells nothing before it was told", () => {
  const clock = createStoreClock();
  expect(() => clock.nowMs()).toThrow(expect.objectContaining({ code: "STORAGE_UNSUPPORTED" }));
  clock.hear(undefined, 0, 1);
  clock.hear("yesterday", 0, 1);
  expect(() => clock.nowMs()).toThrow();
  for (const date of ["Thu, 01 Jan 2026 12:00:00 GMT", "Thu, 01 Jan 2026 11:00:00 GMT"]) {
    const at = performance.now();
    clock.hear(date, at, at);
    expect(clock.nowMs() - Date.parse(date)).toBeLessThan(1000);
    expect(clock.nowMs()).toBeGreaterThanOrEqual(Date.parse(date) - 1);
  }
});
