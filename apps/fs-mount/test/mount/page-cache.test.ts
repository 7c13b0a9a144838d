import { spawn } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { run, useLab } from "../support/lab.ts";
import { git, GIT_ENVIRONMENT, makeRepository } from "../support/repository.ts";

const lab = useLab();
const CHANNEL = "millrace.fuse.requests";

/** What the thread that serves a mount has answered, which is told about once a second. */
class Requests {
  readonly #answered = new Map<string, number>();
  readonly #directory: string;

  /** @param directory of a mount that is made afterwards */
  constructor(directory: string) {
    this.#directory = directory;
    const listen = (message: unknown): void => {
      const { measurements, metadata } = message as Record<string, Readonly<Record<string, unknown>>>;
      if (metadata?.["directory"] !== directory) return;
      const operation = String(metadata["operation"]);
      this.#answered.set(operation, this.#of(operation) + Number(measurements?.["request_count"]));
    };
    subscribe(CHANNEL, listen);
    onTestFinished(() => void unsubscribe(CHANNEL, listen));
  }

  /** Reads up to now: they are told together with what is asked behind them, or earlier. */
  async reads(): Promise<number> {
    const before = this.#of("statfs");
    await run("stat", ["-f", this.#directory]);
    while (this.#of("statfs") === before) await sleep(20);
    return this.#of("read");
  }

  /** Whether `work` can be done without a read. What goes on behind a mount reads now and then, too: so it has some turns. */
  async hasNone(work: () => Promise<void>): Promise<boolean> {
    for (let turn = 0; turn < 5; turn++) {
      const before = await this.reads();
      await work();
      if ((await this.reads()) === before) return true;
    }
    return false;
  }

  #of(operation: string): number {
    return this.#answered.get(operation) ?? 0;
  }
}

/** Has a file open until the test is over, so that the kernel forgets nothing of it. */
async function holdOpen(directory: string, path: string): Promise<void> {
  const script = 'exec 3< "$1"; echo open; exec sleep 1000';
  const child = spawn("env", ["-C", directory, "sh", "-c", script, "sh", path], {
    env: GIT_ENVIRONMENT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await gone;
  });
  await once(child.stdout, "data");
}

test.each(["large.bin", "src/part-2/file-11.c"])(
  "what was read of %s is read again without the mount, and what is written through another handle is what shows",
  async (path) => {
    const origin = lab.keep(makeRepository());
    const folders = lab.folders();
    const { directory } = folders;
    const requests = new Requests(directory);
    const { faults } = await lab.mountRepository(origin, folders);
    await holdOpen(directory, path);
    const sum = async (): Promise<string> =>
      await run("git", ["hash-object", "--no-filters", path], { cwd: directory });
    const original = `${git(origin, ["rev-parse", `HEAD:${path}`])}\n`;
    const none = await requests.reads();
    expect(await sum()).toBe(original);
    expect(await requests.reads()).toBeGreaterThan(none);
    expect(await requests.hasNone(async () => expect(await sum()).toBe(original))).toBe(true);
    // Whoever has had it open before, and whoever opens it now.
    const script = `
    exec 3< '${path}'; dd bs=8 count=1 status=none <&3
    printf NEW | dd of='${path}' bs=1 seek=8 conv=notrunc status=none; printf tail >> '${path}'
    dd bs=3 count=1 status=none <&3; dd if='${path}' bs=1 skip=8 count=3 status=none; tail -c 4 '${path}'`;
    const beginning = (await run("git", ["show", `HEAD:${path}`], { cwd: origin })).slice(0, 8);
    expect(await run("sh", ["-ec", script], { cwd: directory })).toBe(`${beginning}NEWNEWtail`);
    const changed = await sum();
    expect(changed).not.toBe(original);
    expect(await requests.hasNone(async () => expect(await sum()).toBe(changed))).toBe(true);
    expect(faults).toEqual([]);
  },
);
