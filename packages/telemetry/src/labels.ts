import { definitions, type MetadataValue, type TelemetryName } from "./names.ts";

/** A message as the adapters read it, whatever its name. */
export interface Observation {
  readonly name: TelemetryName;
  readonly measurements: Readonly<Record<string, number | undefined>>;
  readonly metadata: Readonly<Record<string, MetadataValue | undefined>>;
}

/** What stands for every value past the bound. */
export const OTHER = "other";

/** The keys of `name` that may label a metric: its bounded metadata, and its codes. */
export function labelKeys(name: TelemetryName): readonly string[] {
  const { measurements, metadata } = definitions[name];
  return [
    ...Object.keys(metadata).filter((key) => metadata[key]?.bounded === true),
    ...Object.keys(measurements).filter((key) => measurements[key]?.unit === "code"),
  ];
}

/** The keys of `name` whose numbers may be summed up. */
export function sumKeys(name: TelemetryName): readonly string[] {
  const { measurements } = definitions[name];
  return Object.keys(measurements).filter((key) => measurements[key]?.unit !== "code");
}

/** The error's `code` where it has one, else its class. */
export function errorCode(error: unknown): string {
  if (typeof error !== "object" || error === null) return typeof error;
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (typeof code === "string") return code;
  return typeof name === "string" ? name : "Error";
}

/** Turns values into label values and keeps each label to so many of them. */
export interface LabelBounds {
  /** `value` as text, or `other` once the label has `maxValues` different ones. */
  bound(label: string, value: MetadataValue | undefined): string;
  /** All labels of a message. */
  of(message: Observation): Record<string, string>;
}

/** @param maxValues how many different values a label of one span or event may take. */
export function createLabelBounds(maxValues: number): LabelBounds {
  const seen = new Map<string, Set<string>>();
  const bound = (label: string, value: MetadataValue | undefined): string => {
    const text = value === undefined ? "" : String(value);
    let values = seen.get(label);
    if (values === undefined) {
      values = new Set();
      seen.set(label, values);
    }
    if (values.has(text)) return text;
    if (values.size >= maxValues) return OTHER;
    values.add(text);
    return text;
  };
  return {
    bound,
    of(message) {
      const labels: Record<string, string> = {};
      for (const key of labelKeys(message.name)) {
        labels[key] = bound(`${message.name} ${key}`, message.metadata[key] ?? message.measurements[key]);
      }
      return labels;
    },
  };
}
