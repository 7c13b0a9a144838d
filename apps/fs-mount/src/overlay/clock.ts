import type { Time } from "./row.ts";

let lastMs = 0;
let within = 0;

/** The time, later at each call than at the one before as long as the clock goes forward: a change always shows. */
export function now(): Time {
  const ms = Date.now();
  within = ms === lastMs ? Math.min(within + 1, 999_999) : 0;
  lastMs = ms;
  return { seconds: Math.floor(ms / 1000), nanoseconds: (ms % 1000) * 1_000_000 + within };
}
