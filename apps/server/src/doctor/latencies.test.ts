import { expect, it } from "vitest";
import { summarize } from "./latencies.ts";

it("tells the least, the middle and the 99th of a hundred", () => {
  const taken = Array.from({ length: 200 }, (_, i) => 200 - i);
  expect(summarize("get", taken)).toEqual({
    request: "get",
    count: 200,
    minMs: 1,
    medianMs: 100,
    p99Ms: 198,
  });
  expect(summarize("put", [7.26])).toEqual({
    request: "put",
    count: 1,
    minMs: 7.3,
    medianMs: 7.3,
    p99Ms: 7.3,
  });
});
