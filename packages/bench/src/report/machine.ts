import { cpus } from "node:os";
import { git } from "../process/git.ts";

/** Where figures were measured. */
export interface MachineFacts {
  readonly node: string;
  readonly git: string;
  readonly cpus: number;
}

/** Looks at the machine. */
export async function machineFacts(): Promise<MachineFacts> {
  const version = await git("/", ["--version"]);
  return {
    node: process.versions.node,
    git: version.replace(/^git version /, ""),
    cpus: cpus().length,
  };
}
