import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { after, type Condition, faultOf, type Happening, stateOf, UNPREPARED } from "./condition.ts";

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc
    .constantFrom(
      ...([
        "asked-for",
        "given-up",
        "preparing",
        "prepared",
        "mounted",
        "unmounted",
        "refreshed",
        "whole",
      ] as const),
    )
    .map((what) => ({ what })),
  fc
    .constantFrom(...(["not-prepared", "not-mounted", "lost", "not-refreshed", "not-whole"] as const))
    .map((what) => ({ what, error: `it was ${what}` })),
);
const run = (...happenings: readonly Happening[]): Condition => happenings.reduce(after, UNPREPARED);
const SHOWN: readonly Happening[] = [{ what: "prepared" }, { what: "mounted" }];

describe("a condition", () => {
  test("goes the way of a mount", () => {
    expect(stateOf(UNPREPARED)).toBe("preparing");
    expect(stateOf(run({ what: "prepared" }))).toBe("ready");
    expect(stateOf(run(...SHOWN))).toBe("mounted");
    expect(stateOf(run(...SHOWN, { what: "given-up" }, { what: "unmounted" }))).toBe("unmounted");
  });

  test("that failed is prepared anew, and says why it failed until then", () => {
    const failed = run({ what: "not-prepared", error: "no route" });
    expect([stateOf(failed), failed.error]).toEqual(["failed", "no route"]);
    expect(after(failed, { what: "mounted" })).toEqual(failed);
    const again = after(failed, { what: "preparing" });
    expect([stateOf(again), again.error]).toEqual(["preparing", undefined]);
  });

  test("is degraded by a refresh that fails, and recovers with one that does not", () => {
    const degraded = run(...SHOWN, { what: "not-refreshed", error: "gone" });
    expect([stateOf(degraded), faultOf(degraded)]).toEqual(["degraded", { of: "refresh", message: "gone" }]);
    expect(stateOf(after(degraded, { what: "refreshed" }))).toBe("mounted");
  });

  test("is degraded while trees do not come, which matters more than a refresh", () => {
    const lacking = run(
      ...SHOWN,
      { what: "not-whole", error: "hung up" },
      { what: "not-refreshed", error: "gone" },
    );
    expect([stateOf(lacking), faultOf(lacking)]).toEqual(["degraded", { of: "trees", message: "hung up" }]);
    expect(faultOf(after(lacking, { what: "whole" }))).toEqual({ of: "refresh", message: "gone" });
    expect(stateOf(after(lacking, { what: "unmounted" }))).toBe("ready");
  });

  test("is degraded by the loss of the mount, whatever the last refresh said", () => {
    const lost = run(...SHOWN, { what: "not-refreshed", error: "gone" }, { what: "lost", error: "umount" });
    expect([stateOf(lost), faultOf(lost)]).toEqual(["degraded", { of: "mount", message: "umount" }]);
    expect(stateOf(after(lost, { what: "mounted" }))).toBe("mounted");
  });

  test("never is what cannot be, whatever happens in whatever order", () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 30 }), (happenings) => {
        const condition = run(...happenings);
        const state = stateOf(condition);
        // What is mounted was prepared, and what failed says why.
        if (condition.mounted) expect(condition.phase).toBe("ready");
        expect(condition.error !== undefined).toBe(condition.phase === "failed");
        expect(state === "degraded").toBe(
          faultOf(condition) !== undefined &&
            condition.phase === "ready" &&
            (condition.mounted || condition.wanted),
        );
        if (state === "unmounted") expect(condition.wanted).toBe(false);
        if (state === "mounted")
          expect([condition.refreshFault, condition.treesFault]).toEqual([undefined, undefined]);
      }),
    );
  });
});
