import { mebibytes, type Sample } from "../figures.ts";
import { spreadOf } from "../statistics.ts";
import type { ProbeAnswer } from "./probe-messages.ts";
import type { ServerUnderTest } from "./server-under-test.ts";

const MAX_TIMES = 500;

/** What one operation against a server took, as its client saw it. */
export interface OperationRun {
  readonly wallSeconds: number;
  readonly packSeconds?: number | undefined;
  readonly bodyBytes?: number | undefined;
}

export interface MeasureOptions {
  /**
   * Repeat the operation for so long; processor time is divided by how often that was, and of the rest the median
   * taken. Children's time is counted in steps of 10 ms, so short operations need it. Default 0: once.
   */
  readonly atLeastSeconds?: number | undefined;
  /** Look at memory too, and at the event loop where there is one. Default `false`. */
  readonly strain?: boolean | undefined;
}

/** Performs an operation against a server and takes what the server spent on it. */
export async function measureServer(
  server: ServerUnderTest,
  operation: () => Promise<OperationRun>,
  { atLeastSeconds = 0, strain = false }: MeasureOptions = {},
): Promise<Sample> {
  const before = await server.settled({ resetLoop: true });
  const endWatch = strain ? await server.watchMemory() : undefined;
  const runs: OperationRun[] = [];
  let after: ProbeAnswer;
  let peakBytes: number | undefined;
  try {
    const until = performance.now() + atLeastSeconds * 1000;
    do runs.push(await operation());
    while (performance.now() < until && runs.length < MAX_TIMES);
    after = await server.settled();
  } finally {
    peakBytes = await endWatch?.();
  }
  const packSeconds = middle(runs.map((run) => run.packSeconds));
  const bodyBytes = middle(runs.map((run) => run.bodyBytes));
  return {
    wall: spreadOf(runs.map((run) => run.wallSeconds)).median,
    cpu: (after.cpuSeconds - before.cpuSeconds) / runs.length,
    ...(packSeconds === undefined ? {} : { firstByte: packSeconds * 1000 }),
    ...(bodyBytes === undefined ? {} : { sent: mebibytes(bodyBytes) }),
    ...(peakBytes === undefined ? {} : { peakMemory: mebibytes(peakBytes) }),
    ...(!strain || after.loopDelayMs === undefined
      ? {}
      : { loopP99: after.loopDelayMs.p99, loopMax: after.loopDelayMs.max }),
  };
}

function middle(values: readonly (number | undefined)[]): number | undefined {
  const found = values.filter((value) => value !== undefined);
  return found.length === 0 ? undefined : spreadOf(found).median;
}
