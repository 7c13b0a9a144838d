import type { Counter, Histogram, Meter } from "@opentelemetry/api";
import { createLabelBounds, errorCode, type Observation, sumKeys } from "../labels.ts";
import type { AnyEventMessage, AnySpanMessage } from "../message.ts";
import { definitions, eventNames, spanNames, type TelemetryName } from "../names.ts";

/** How many values an attribute of a metric may take. */
const MAX_ATTRIBUTE_VALUES = 50;

interface Instruments {
  readonly durations?: Histogram | undefined;
  readonly errors?: Counter | undefined;
  readonly occurrences?: Counter | undefined;
  readonly sums: ReadonlyMap<string, Counter>;
}

/** Metrics of everything in the registry, fed by messages. */
export interface Metrics {
  ended(span: AnySpanMessage): void;
  happened(event: AnyEventMessage): void;
}

/** Makes the instruments: `<prefix><name>.duration` in seconds, `.errors`, and one for each measurement. */
export function createMetrics(meter: Meter, prefix: string): Metrics {
  const labels = createLabelBounds(MAX_ATTRIBUTE_VALUES);
  const instruments = new Map<TelemetryName, Instruments>();
  const sums = (name: TelemetryName): ReadonlyMap<string, Counter> =>
    new Map(
      sumKeys(name).map((key) => {
        const { unit = "", description = key } = definitions[name].measurements[key] ?? {};
        const counter = meter.createCounter(`${prefix}${name}.${key}`, {
          unit: UCUM[unit] ?? `{${unit}}`,
          description,
        });
        return [key, counter];
      }),
    );
  for (const name of spanNames) {
    const { description } = definitions[name];
    const durations = meter.createHistogram(`${prefix}${name}.duration`, { unit: "s", description });
    const errors = meter.createCounter(`${prefix}${name}.errors`, { description: `Failed: ${description}` });
    instruments.set(name, { durations, errors, sums: sums(name) });
  }
  for (const name of eventNames) {
    const occurrences = meter.createCounter(prefix + name, { description: definitions[name].description });
    instruments.set(name, { occurrences, sums: sums(name) });
  }

  const add = (message: Observation, span?: AnySpanMessage): void => {
    const own = instruments.get(message.name);
    if (own === undefined) return;
    const attributes = labels.of(message);
    if (span === undefined) own.occurrences?.add(1, attributes);
    else own.durations?.record((span.durationMs ?? 0) / 1000, attributes);
    if (span?.failed === true) {
      own.errors?.add(1, { ...attributes, code: labels.bound(`${span.name} code`, errorCode(span.error)) });
    }
    for (const [key, sum] of own.sums) {
      const amount = message.measurements[key];
      if (amount !== undefined && amount >= 0) sum.add(amount, attributes);
    }
  };
  return { ended: (span) => add(span, span), happened: (event) => add(event) };
}

/** Units that OpenTelemetry has a symbol for. */
const UCUM: Readonly<Record<string, string>> = { bytes: "By", milliseconds: "ms" };
