import { z } from "zod";
import { type SpanName, spanNames } from "./names.ts";

/** Options of `subscribePrometheus`. */
export interface PrometheusOptions {
  /** What every metric's name starts with. Default `millrace_`. */
  readonly prefix?: string | undefined;
  /** Upper bounds of the duration histograms in seconds, rising. Default 1 ms to 5 min. */
  readonly bucketsSeconds?: readonly number[] | undefined;
  /** How many values a label may take; the rest count as `other`. Default 50. */
  readonly maxLabelValues?: number | undefined;
}
export const PrometheusOptions: z.ZodType<PrometheusOptions> = z.object({
  prefix: z
    .string()
    .regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, "not the start of a metric's name")
    .optional(),
  bucketsSeconds: z
    .array(z.number().positive())
    .min(1)
    .refine((buckets) => buckets.every((bound, i) => i === 0 || bound > (buckets[i - 1] ?? 0)), "must rise")
    .optional(),
  maxLabelValues: z.number().int().positive().optional(),
});

/** A level of pino; `silent` writes nothing. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
export const LogLevel: z.ZodType<LogLevel> = z.enum([
  "trace",
  "debug",
  "info",
  "warn",
  "error",
  "fatal",
  "silent",
]);

/** Options of `subscribePino`. */
export interface PinoOptions {
  /** Level of a span that stopped. Default `debug`. */
  readonly stop?: LogLevel | undefined;
  /** Level of a span that failed. Default `error`. */
  readonly error?: LogLevel | undefined;
  /** Level of an event. Default `info`. */
  readonly event?: LogLevel | undefined;
  /** Levels of single spans that stopped, over `stop`, such as `{ "http.request": "info" }`. */
  readonly stopOf?: { readonly [N in SpanName]?: LogLevel | undefined } | undefined;
}
export const PinoOptions: z.ZodType<PinoOptions> = z.object({
  stop: LogLevel.optional(),
  error: LogLevel.optional(),
  event: LogLevel.optional(),
  stopOf: z.partialRecord(z.enum(spanNames), LogLevel.optional()).optional(),
});

/** Options of `subscribeOtel`. */
export interface OtelOptions {
  /** What every attribute's and metric's name starts with. Default `millrace.`. */
  readonly prefix?: string | undefined;
}
export const OtelOptions: z.ZodType<OtelOptions> = z.object({ prefix: z.string().optional() });
