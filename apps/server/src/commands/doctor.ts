import { bucketOptions, S3Layout } from "@millrace/storage-s3";
import { z } from "zod";
import { examine, type Check, type Diagnosis } from "../doctor/examine.ts";

/** The command line of `millrace doctor`, as text. */
export interface DoctorFlags {
  readonly store: string;
  readonly endpoint?: string | undefined;
  readonly layout?: string | undefined;
  readonly only?: string | undefined;
  readonly json?: boolean | undefined;
}

const Flags = z.object({
  store: z.string(),
  endpoint: z.url().optional(),
  layout: S3Layout.optional(),
  only: z.string().optional(),
  json: z.boolean().optional(),
});

/** Tries a bucket out and prints what was found. Answers the exit status: 1 where repositories cannot be stored there. */
export async function doctor(flags: DoctorFlags): Promise<number> {
  const { json = false, only, ...bucket } = Flags.parse(flags);
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort(new Error("stopped; what was written is removed")));
  const isWatched = process.stderr.isTTY && !json;
  const diagnosis = await examine(bucketOptions(bucket, undefined, process.env), {
    signal: stop.signal,
    only,
    onCase(done, total) {
      if (isWatched) process.stderr.write(`\r${done} of ${total} cases${done === total ? "\n" : ""}`);
    },
  });
  process.stdout.write(
    json ? `${JSON.stringify(diagnosis, undefined, 2)}\n` : report(bucket.store, diagnosis),
  );
  return diagnosis.ok ? 0 : 1;
}

const MARKS: Readonly<Record<Check["outcome"], string>> = {
  ok: "ok     ",
  limited: "limited",
  failed: "FAILED ",
};

function report(store: string, { ok, layout, checks, conformance, latencies }: Diagnosis): string {
  const lines = [`${store}, layout ${layout}`, ""];
  for (const { name, outcome, detail } of checks) {
    lines.push(`${MARKS[outcome]}  ${name}${detail === undefined ? "" : `: ${detail}`}`);
  }
  if (conformance === undefined) lines.push("         the conformance suite was not run");
  else {
    const { passed, failed, skipped } = conformance;
    const outcome = failed.length === 0 ? "ok" : "failed";
    lines.push(
      `${MARKS[outcome]}  conformance: ${passed} cases passed, ${failed.length} failed, ${skipped.length} not for this layout`,
    );
    for (const { name, message } of failed) lines.push(`           ${name}: ${message.split("\n", 1)[0]}`);
  }
  if (latencies.length > 0) {
    lines.push("", `${"request".padEnd(18)}${["count", "min ms", "median ms", "p99 ms"].map(cell).join("")}`);
    for (const { request, count, minMs, medianMs, p99Ms } of latencies) {
      lines.push(`${request.padEnd(18)}${[count, minMs, medianMs, p99Ms].map(cell).join("")}`);
    }
  }
  lines.push("", ok ? "Repositories can be stored here." : "Repositories cannot be stored here.", "");
  return lines.join("\n");
}

function cell(content: string | number): string {
  return String(content).padStart(11);
}
