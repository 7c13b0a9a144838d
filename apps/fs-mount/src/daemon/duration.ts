import { z } from "zod";

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** What a timer of Node takes. */
const MAX_MS = 2 ** 31 - 1;

/** A span of time as people write it (`30s`, `5m`, `1.5h`, `250ms`), in milliseconds. */
export const Duration: z.ZodType<number, string> = z.string().transform(readDuration);

function readDuration(text: string, context: z.RefinementCtx): number {
  const [, count = "", unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const ms = Math.round(Number(count) * (UNITS_MS[unit] ?? 0));
  if (ms >= 1 && ms <= MAX_MS) return ms;
  context.addIssue({ code: "custom", message: `${JSON.stringify(text)} is no time like 30s, 5m or 1h` });
  return z.NEVER;
}

/** The same, or `never`, which is `null`. */
export const DurationOrNever: z.ZodType<number | null, string> = z
  .string()
  .transform((text, context) => (text === "never" ? null : readDuration(text, context)));

/** In the largest unit that tells it without a fraction. */
export function formatDuration(ms: number): string {
  const fitting = Object.entries(UNITS_MS).findLast(([, unitMs]) => ms % unitMs === 0 && ms >= unitMs);
  const [unit, unitMs] = fitting ?? ["ms", 1];
  return `${ms / unitMs}${unit}`;
}
