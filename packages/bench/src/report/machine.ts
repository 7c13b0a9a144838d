import { cpus, loadavg } from "node:os";
import { git } from "../process/git.ts";

/** Where figures were measured. */
export interface MachineFacts {
  readonly node: string;
  readonly git: string;
  readonly cpus: number;
  /** Average of processes that wanted to run in the last minute; with much of it, times tell of other work too. */
  readonly load: number;
}

/** Looks at the machine. */
export async function machineFacts(): Promise<MachineFacts> {
  const version = await git("/", ["--version"]);
  return {
    node: process.versions.node,
    git: version.replace(/^git version /, ""),
    cpus: cpus().length,
    load: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}
