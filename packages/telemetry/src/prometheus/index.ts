/** Millrace's spans and events as Prometheus metrics, by prom-client. */
import { Counter, Histogram, type Registry } from "prom-client";
import { createLabelBounds, errorCode, labelKeys, type Observation, sumKeys } from "../labels.ts";
import { definitions, eventNames, spanNames, type TelemetryName } from "../names.ts";
import { PrometheusOptions } from "../schema.ts";
import { subscribe, type Unsubscribe } from "../subscribe.ts";

export { PrometheusOptions } from "../schema.ts";

const DEFAULT_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** The metrics of one span or event. */
interface Family {
  readonly durations?: Histogram | undefined;
  readonly errors?: Counter | undefined;
  readonly occurrences?: Counter | undefined;
  readonly sums: ReadonlyMap<string, Counter>;
}

/**
 * Registers metrics for every span and event and keeps them up to date.
 *
 * A span `storage.commit` gives the histogram `millrace_storage_commit_duration_seconds`, the counter
 * `millrace_storage_commit_errors_total` (label `code`) and a counter for each measurement, such as
 * `millrace_storage_commit_ref_count_total`; an event gives `…_total` and its measurements' counters.
 * Labels are the bounded metadata of the registry and HTTP statuses: never an object id, pack, ref or repository.
 *
 * @returns ends the subscription and removes the metrics from the registry.
 * @throws ZodError where the options are malformed; prom-client's error where a metric is registered already.
 */
export function subscribePrometheus(registry: Registry, options: PrometheusOptions = {}): Unsubscribe {
  const { prefix = "millrace_", bucketsSeconds, maxLabelValues = 50 } = PrometheusOptions.parse(options);
  const buckets = [...(bucketsSeconds ?? DEFAULT_BUCKETS)];
  const labels = createLabelBounds(maxLabelValues);
  const names: string[] = [];
  const families = new Map<TelemetryName, Family>();

  const counter = (name: string, help: string, labelNames: readonly string[]): Counter => {
    const metric = new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
    names.push(name);
    return metric;
  };
  const sums = (name: TelemetryName): ReadonlyMap<string, Counter> =>
    new Map(
      sumKeys(name).map((key) => {
        const { unit, description = key } = definitions[name].measurements[key] ?? {};
        const suffix = unit === "bytes" && !key.endsWith("_bytes") ? "_bytes" : "";
        const metric = `${prefix}${flat(name)}_${key}${suffix}_total`;
        return [key, counter(metric, `${name}: ${description}`, labelKeys(name))];
      }),
    );

  for (const name of spanNames) {
    const help = definitions[name].description;
    const histogram = `${prefix}${flat(name)}_duration_seconds`;
    const labelNames = [...labelKeys(name)];
    const durations = new Histogram({ name: histogram, help, labelNames, buckets, registers: [registry] });
    names.push(histogram);
    const errors = counter(`${prefix}${flat(name)}_errors_total`, `Failed: ${help}`, [...labelNames, "code"]);
    families.set(name, { durations, errors, sums: sums(name) });
  }
  for (const name of eventNames) {
    const occurrences = counter(
      `${prefix}${flat(name)}_total`,
      definitions[name].description,
      labelKeys(name),
    );
    families.set(name, { occurrences, sums: sums(name) });
  }

  const add = (message: Observation, durationMs?: number, failure?: { readonly error: unknown }): void => {
    const family = families.get(message.name);
    if (family === undefined) return;
    const values = labels.of(message);
    if (durationMs !== undefined) family.durations?.observe(values, durationMs / 1000);
    if (failure !== undefined) {
      family.errors?.inc({ ...values, code: labels.bound(`${message.name} code`, errorCode(failure.error)) });
    }
    family.occurrences?.inc(values);
    for (const [key, sum] of family.sums) {
      const amount = message.measurements[key];
      if (amount !== undefined && amount >= 0) sum.inc(values, amount);
    }
  };
  const unsubscribe = subscribe({
    stop: (span) => add(span, span.durationMs),
    error: (span) => add(span, span.durationMs, span),
    event: (message) => add(message),
  });
  return () => {
    unsubscribe();
    for (const name of names.splice(0)) registry.removeSingleMetric(name);
  };
}

function flat(name: TelemetryName): string {
  return name.replaceAll(".", "_");
}
