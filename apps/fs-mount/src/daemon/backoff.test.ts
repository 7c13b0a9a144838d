import { expect, test } from "vitest";
import { Backoff } from "./backoff.ts";

test("waits grow up to their bound, and begin again after a success", () => {
  const backoff = new Backoff(30, 300);
  expect(Array.from({ length: 6 }, () => backoff.next())).toEqual([30, 60, 120, 240, 300, 300]);
  backoff.reset();
  expect(backoff.next()).toBe(30);
});
