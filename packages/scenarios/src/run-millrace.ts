import { environmentOf, type S3Endpoint } from "@millrace/s3-lab";
import { type ProgramResult, runProgram } from "./run-program.ts";
import { serverCli } from "./server-cli.ts";

/** Runs the built command line to its end, with more variables in its environment. */
export function runMillraceWith(
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<ProgramResult> {
  return runProgram(process.execPath, [serverCli, ...args], { env: { ...process.env, ...env } });
}

/** The same with keys for a server of the lab. */
export function runMillrace(endpoint: S3Endpoint, ...args: readonly string[]): Promise<ProgramResult> {
  return runMillraceWith(environmentOf(endpoint), ...args);
}
