import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Duration, DurationOrNever, formatDuration } from "./duration.ts";

describe("a time", () => {
  test("is read as it is written", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (ms) => {
        expect(Duration.parse(formatDuration(ms))).toBe(ms);
      }),
    );
    expect(["30s", "1.5m", "250ms", "2h"].map((text) => Duration.parse(text))).toEqual([
      30_000, 90_000, 250, 7_200_000,
    ]);
    expect(formatDuration(90_000)).toBe("90s");
    expect(DurationOrNever.parse("never")).toBeNull();
  });

  test("that is none is refused", () => {
    for (const text of ["", "30", "0s", "-1s", "1y", "s", "1e3s", "25d", "never "]) {
      expect(DurationOrNever.safeParse(text).success, text).toBe(false);
    }
  });
});
