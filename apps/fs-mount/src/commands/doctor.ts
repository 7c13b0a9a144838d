import { chooseCacheFolder, chooseDaemonFolder } from "../folders.ts";
import { type Check, examine } from "../daemon/examine.ts";
import { chooseSocketPath } from "../daemon/socket-path.ts";
import type { StateFlag } from "./control.ts";

/** The command line of `doctor`, as text. */
export interface DoctorFlags extends StateFlag {
  readonly cacheDir?: string | undefined;
  readonly json?: boolean | undefined;
}

const MARKS: Readonly<Record<Check["outcome"], string>> = {
  ok: "ok     ",
  limited: "limited",
  failed: "FAILED ",
};

/** Looks what stands in the way of mounts, and prints it. Answers the exit status: 1 where something does. */
export async function doctor({ state, cacheDir, json = false }: DoctorFlags): Promise<number> {
  const stateFolder = chooseDaemonFolder(state, process.env);
  const checks = await examine({
    stateFolder,
    cacheFolder: chooseCacheFolder(cacheDir, process.env),
    socketPath: chooseSocketPath(stateFolder, process.env),
  });
  const lines = checks.map(
    ({ name, outcome, detail }) => `${MARKS[outcome]}  ${name}${detail === undefined ? "" : `: ${detail}`}\n`,
  );
  process.stdout.write(json ? `${JSON.stringify(checks, undefined, 2)}\n` : lines.join(""));
  return checks.some(({ outcome }) => outcome === "failed") ? 1 : 0;
}
