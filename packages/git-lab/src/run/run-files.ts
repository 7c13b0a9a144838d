import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { changeOfEnvironment, commandLine } from "./command-line.ts";

/** How a program is run. */
export interface RunOptions {
  /** By default this process's own. */
  readonly cwd?: string | undefined;
  /** The whole environment; by default this process's own. */
  readonly env?: Readonly<NodeJS.ProcessEnv> | undefined;
  /** What it reads; by default nothing. */
  readonly input?: string | Uint8Array | undefined;
  /** After so long it is killed, with what it has started. Default: never. */
  readonly timeoutMs?: number | undefined;
}

/** What a program left behind. */
export interface Run {
  /** Its exit status; as shells have it, 128 and the number of the signal that ended it. */
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** A run that a shell is about to be told of. */
export interface Prepared {
  readonly line: string;
  /** Takes what it said, when it has ended. Throws where it could not be started. */
  take(status: number): Run;
}

/** What programs read and say, while they run. */
export class RunFiles {
  readonly folder: string = mkdtempSync(join(tmpdir(), "millrace-run-"));
  /** The environment that the shell was started in. */
  readonly #environment = { ...process.env };
  readonly #umask = process.umask();
  #last = 0;

  constructor() {
    process.once("exit", () => rmSync(this.folder, { recursive: true, force: true }));
  }

  prepare(command: string, args: readonly string[], options: RunOptions): Prepared {
    const { cwd = process.cwd(), env = process.env, input = "", timeoutMs } = options;
    const limit = timeoutMs === undefined ? [] : ["timeout", "-s", "KILL", String(timeoutMs / 1000)];
    const name = join(this.folder, String(++this.#last));
    const files = {
      input: input.length === 0 ? "/dev/null" : `${name}-input`,
      output: `${name}-output`,
      errors: `${name}-errors`,
    };
    if (input.length > 0) writeFileSync(files.input, input);
    const change = changeOfEnvironment(this.#environment, env);
    const umask = process.umask();
    if (umask !== this.#umask) change.push(`umask ${umask.toString(8)}`);
    return {
      line: commandLine([...limit, command, ...args], cwd, change, files),
      take(status) {
        const stdout = readFileSync(files.output);
        const stderr = readFileSync(files.errors);
        for (const file of Object.values(files)) if (file !== "/dev/null") rmSync(file);
        if (HAS_NOT_STARTED.test(stderr.toString()))
          throw new Error(`${command}: ${stderr.toString().trim()}`);
        return { status, stdout, stderr };
      },
    };
  }
}

/** What the shell says where it cannot enter the directory or find the program. */
const HAS_NOT_STARTED = /^\S+: (?:line )?\d+: (?:exec|cd): /;
