import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { RunFiles, type Run, type RunOptions } from "./run-files.ts";

/** A shell that runs programs side by side, in its background: they take no SIGINT. */
export class WaitingShell {
  readonly #files = new RunFiles();
  readonly #shell: ChildProcess & { readonly stdin: Writable; readonly stdout: Readable };
  readonly #running = new Map<number, { resolve(status: number): void; reject(why: Error): void }>();
  #last = 0;
  #ended: Error | undefined;

  constructor() {
    this.#shell = spawn("sh", [], { stdio: ["pipe", "pipe", "ignore"] });
    this.#shell.once("error", (why) => this.#end(why));
    this.#shell.once("exit", () => this.#end(new Error("the shell has ended")));
    this.#shell.stdin.on("error", (why) => this.#end(why));
    createInterface({ input: this.#shell.stdout }).on("line", (line) => {
      const [id = 0, status = -1] = line.split(" ").map(Number);
      this.#running.get(id)?.resolve(status);
    });
    this.#hold(false);
  }

  async run(command: string, args: readonly string[], options: RunOptions): Promise<Run> {
    if (this.#ended !== undefined) throw this.#ended;
    const { line, take } = this.#files.prepare(command, args, options);
    const id = ++this.#last;
    this.#hold(true);
    try {
      const status = await new Promise<number>((resolve, reject) => {
        this.#running.set(id, { resolve, reject });
        this.#shell.stdin.write(`{ ${line}; echo ${id} $?; } &\n`);
      });
      return take(status);
    } finally {
      this.#running.delete(id);
      if (this.#running.size === 0) this.#hold(false);
    }
  }

  /** Whether this process goes on while nothing but the shell is there to wait for. */
  #hold(holds: boolean): void {
    const act = holds ? "ref" : "unref";
    this.#shell[act]();
    for (const stream of [this.#shell.stdin, this.#shell.stdout]) {
      (stream as Partial<Record<typeof act, () => void>>)[act]?.();
    }
  }

  #end(why: Error): void {
    this.#ended ??= why;
    for (const { reject } of this.#running.values()) reject(why);
  }
}
