import { subscribePino } from "@millrace/telemetry/pino";
import { subscribePrometheus } from "@millrace/telemetry/prometheus";
import type { Logger } from "pino";
import type { Registry } from "prom-client";

/** Logs every request at `info` and keeps metrics; the function that comes back ends both. */
export function observeServer(logger: Logger, registry: Registry): () => void {
  const ends = [
    subscribePino(logger, { stop: "debug", stopOf: { "http.request": "info" } }),
    subscribePrometheus(registry, { bucketsSeconds: [0.01, 0.1, 1, 10, 60] }),
  ];
  return () => {
    for (const end of ends) end();
  };
}
