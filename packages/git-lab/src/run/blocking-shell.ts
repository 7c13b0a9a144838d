import { spawn, spawnSync } from "node:child_process";
import { openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { RunFiles, type Run, type RunOptions } from "./run-files.ts";

/** A shell that runs one program after another, for a process that blocks meanwhile. */
export class BlockingShell {
  readonly #files = new RunFiles();
  readonly #commands: number;
  readonly #answers: number;

  constructor() {
    const [commands, answers] = ["commands", "answers"].map((name) => join(this.#files.folder, name)) as [
      string,
      string,
    ];
    const made = spawnSync("mkfifo", [commands, answers]);
    if (made.status !== 0) throw new Error(`mkfifo: ${made.error?.message ?? made.stderr.toString()}`);
    const start = 'exec sh <"$0" >"$1"';
    const shell = spawn("sh", ["-c", start, commands, answers], { stdio: "ignore" });
    if (shell.pid === undefined) throw new Error("there is no sh");
    shell.unref();
    // In the order in which the shell opens them, each of which waits for the other side.
    this.#commands = openSync(commands, "w");
    this.#answers = openSync(answers, "r");
  }

  run(command: string, args: readonly string[], options: RunOptions): Run {
    const { line, take } = this.#files.prepare(command, args, options);
    writeWhole(this.#commands, `${line}; echo $?\n`);
    return take(Number(readLine(this.#answers)));
  }
}

function writeWhole(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest));
}

function readLine(fd: number): string {
  const buffer = Buffer.alloc(16);
  let length = 0;
  while (!buffer.subarray(0, length).includes("\n")) {
    const read = readSync(fd, buffer, length, buffer.length - length, null);
    if (read === 0) throw new Error("the shell has ended");
    length += read;
  }
  return buffer.toString("latin1", 0, length).trim();
}
