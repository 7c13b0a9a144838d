import { expect, it } from "vitest";
import { type LoggedRequest, longestChain } from "./request-log.ts";

const request = (startMs: number, endMs: number): LoggedRequest => ({
  method: "GET",
  path: "/",
  status: 200,
  startMs,
  endMs,
});

it("counts what follows each other, not what goes on at once", () => {
  expect(longestChain([])).toBe(0);
  expect(longestChain([request(0, 10), request(1, 9), request(2, 30)])).toBe(1);
  expect(longestChain([request(0, 10), request(10, 20), request(11, 40), request(20, 30)])).toBe(3);
});
