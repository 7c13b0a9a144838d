import { readFile, writeFile } from "node:fs/promises";

/** Ticks of the clock that `/proc` counts processor time in; 100 on every Linux architecture Node runs on. */
const TICKS_PER_SECOND = 100;

/** Processor time in seconds, user and system together; read in steps of 10 ms. */
export interface ProcessorTime {
  /** Of the process with all its threads. */
  readonly own: number;
  /** Of the children it has waited for, and those that they have waited for. */
  readonly children: number;
}

/** What a process has spent so far (proc_pid_stat). */
export async function processorTime(pid: number | "self"): Promise<ProcessorTime> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  // The second field is a name in parentheses that may hold anything; the state follows as field 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const seconds = (field: number): number => Number(fields[field - 3]) / TICKS_PER_SECOND;
  return { own: seconds(14) + seconds(15), children: seconds(16) + seconds(17) };
}

/** The most memory a process ever had resident since its start or `resetPeak`, in bytes; `undefined` when it has ended. */
export async function peakBytes(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "latin1").catch(() => "");
  const found = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
  return found === undefined ? undefined : Number(found) * 1024;
}

/** Makes `peakBytes` start again from what is resident now. */
export async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, "5");
}

/** A process with all that descend from it. */
export async function processTree(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "latin1").catch(() => "");
  const children = text.split(" ").filter(Boolean).map(Number);
  return [pid, ...(await Promise.all(children.map(processTree))).flat()];
}

/**
 * Memory of a process in bytes, a page that several processes map counted in equal shares: so the figures of a tree
 * can be added. 0 when it has ended.
 */
export async function shareBytes(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "latin1").catch(() => "");
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
}
