import { randomUUID } from "node:crypto";
import type { StorageCapabilities } from "@millrace/storage";
import { conformanceCases } from "@millrace/storage/conformance";
import { clearPrefix, examineBucket, openS3Storage, type S3StorageOptions } from "@millrace/storage-s3";
import { type Latency, watchLatencies } from "./latencies.ts";

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  /** `limited`: it works without, and `detail` says what does not. */
  readonly outcome: "ok" | "limited" | "failed";
  readonly detail?: string | undefined;
}

/** What a bucket is good for. */
export interface Diagnosis {
  readonly ok: boolean;
  readonly layout: string;
  readonly checks: readonly Check[];
  /** The suite that all backends pass, case by case; absent where it made no sense to run it. */
  readonly conformance?:
    | {
        readonly passed: number;
        readonly failed: readonly { readonly name: string; readonly message: string }[];
        readonly skipped: readonly { readonly name: string; readonly needs: readonly string[] }[];
      }
    | undefined;
  readonly latencies: readonly Latency[];
}

export interface ExamineOptions {
  /** Told of each case as it ends. */
  readonly onCase?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Only the cases whose names have this in them. Default: all. */
  readonly only?: string | undefined;
}

const LOST_PUSHES =
  "two servers, or two pushes at once, could overwrite each other and lose what was pushed: serve refuses this store";
const NO_DELETIONS =
  "If-Match on DELETE is ignored: deletions of refs are refused in the layout bare; the layout manifest needs none";

/**
 * Tries a bucket out: the proof that serve begins with, then the conformance suite, all below a fresh prefix, which is
 * cleared behind that, whatever happens.
 */
export async function examine(options: S3StorageOptions, asked: ExamineOptions = {}): Promise<Diagnosis> {
  const { signal } = asked;
  const parent = options.prefix === undefined || options.prefix === "" ? "" : `${options.prefix}/`;
  const place = { ...options, prefix: `${parent}doctor-${randomUUID().slice(0, 8)}` };
  const layout = options.layout ?? "manifest";
  const checks: Check[] = [];
  let conformance: Diagnosis["conformance"];
  using watch = watchLatencies();
  try {
    const { ignoredConditions, conditionalDeletes } = await examineBucket(place, { signal });
    checks.push({ name: "the bucket can be read and written", outcome: "ok" });
    checks.push(
      ignoredConditions === undefined
        ? { name: "conditional writes", outcome: "ok" }
        : { name: "conditional writes", outcome: "failed", detail: `${ignoredConditions}; ${LOST_PUSHES}` },
    );
    checks.push(
      conditionalDeletes
        ? { name: "conditional deletions", outcome: "ok" }
        : { name: "conditional deletions", outcome: "limited", detail: NO_DELETIONS },
    );
    // Without conditional writes cases would pass or fail by chance.
    if (ignoredConditions === undefined) conformance = await runCases(place, conditionalDeletes, asked);
  } catch (error) {
    signal?.throwIfAborted();
    checks.push({ name: "the bucket can be read and written", outcome: "failed", detail: textOf(error) });
  } finally {
    await clear(place, checks);
  }
  const isSound = checks.every(({ outcome }) => outcome !== "failed") && conformance?.failed.length === 0;
  return { ok: isSound, layout, checks, conformance, latencies: watch.latencies() };
}

async function runCases(
  place: S3StorageOptions,
  conditionalDeletes: boolean,
  { onCase, signal, only = "" }: ExamineOptions,
): Promise<NonNullable<Diagnosis["conformance"]>> {
  const cases = conformanceCases.filter(({ name }) => name.includes(only));
  const failed: { name: string; message: string }[] = [];
  const skipped: { name: string; needs: readonly string[] }[] = [];
  let passed = 0;
  for (const [number, { name, needs, run }] of cases.entries()) {
    signal?.throwIfAborted();
    const prefix = `${place.prefix}/${number}`;
    // The proof was made; where it found no conditional deletions, each storage is to find that out.
    const proveConditions = place.layout === "bare" && !conditionalDeletes;
    const storage = await openS3Storage({ ...place, prefix, proveConditions }, { signal });
    try {
      const missing = missingOf(needs, storage.capabilities);
      if (missing.length > 0) skipped.push({ name, needs: missing });
      else {
        await run({ storage });
        passed++;
      }
    } catch (error) {
      failed.push({ name, message: textOf(error) });
    } finally {
      await storage[Symbol.asyncDispose]();
    }
    onCase?.(number + 1, cases.length);
  }
  return { passed, failed, skipped };
}

function missingOf(
  needs: readonly (keyof StorageCapabilities)[],
  capabilities: StorageCapabilities,
): readonly string[] {
  return needs.filter((need) => capabilities[need] !== true);
}

/** Leaves nothing, whether or not the examination came to its end. */
async function clear(place: S3StorageOptions & { readonly prefix: string }, checks: Check[]): Promise<void> {
  if (checks.some(({ outcome, name }) => outcome === "failed" && name.startsWith("the bucket"))) {
    // What could not be reached has nothing to be removed, as far as can be told.
    await clearPrefix(place).catch(() => undefined);
    return;
  }
  try {
    await clearPrefix(place);
    checks.push({ name: "what was written for this examination is removed", outcome: "ok" });
  } catch (error) {
    checks.push({
      name: "what was written for this examination is removed",
      outcome: "failed",
      detail: `${textOf(error)}; remove ${place.prefix}/ by hand`,
    });
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
