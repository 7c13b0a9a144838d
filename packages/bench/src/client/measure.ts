import { type Spread, spreadOf } from "../statistics.ts";

/** How long something takes for each of its parts, in microseconds. */
export interface Measured extends Spread {
  /** This process's own time, the middle of all runs. */
  readonly cpu: number;
  /** What it answered the first time. */
  readonly result: number;
}

/** Does something so often, after one time that is not counted. */
export async function measure(
  runs: number,
  parts: number,
  work: () => Promise<number> | number,
): Promise<Measured> {
  const result = await work();
  const micros: number[] = [];
  const processorMicros: number[] = [];
  for (let i = 0; i < runs; i++) {
    const startedAt = performance.now();
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    processorMicros.push((user + system) / parts);
    micros.push(((performance.now() - startedAt) * 1000) / parts);
  }
  return { ...spreadOf(micros), cpu: spreadOf(processorMicros).median, result };
}
