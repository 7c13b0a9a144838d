import { hasSubscribers } from "node:diagnostics_channel";
import { event } from "@millrace/telemetry";
import type { Meter } from "../session/meter.ts";

/** How often is told, in milliseconds. */
const EVERY_MS = 1000;

/**
 * Tells those that have subscribed in this thread what the serving thread has answered, once a second: an event for each
 * request would cost more than most requests.
 * @returns tells the rest, and ends it
 */
export function tellRequests(meter: Meter, directory: string): () => void {
  const look = (): void => {
    meter.turn(hasSubscribers("millrace.fuse.requests"));
    for (const { operation, requests, errors, slow, totalMs } of meter.take()) {
      event(
        "fuse.requests",
        { request_count: requests, error_count: errors, slow_count: slow, total_ms: totalMs },
        { operation, directory },
      );
    }
  };
  look();
  const timer = setInterval(look, EVERY_MS).unref();
  return () => {
    clearInterval(timer);
    look();
  };
}
