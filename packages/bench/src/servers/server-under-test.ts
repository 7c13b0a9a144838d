import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { kill, start } from "../process/children.ts";
import { peakBytes, processTree, resetPeak, shareBytes } from "../process/proc.ts";
import type { ProbeAnswer, ProbeQuestion } from "./probe-messages.ts";

const IDLE_CHECK_MS = 25;
const IDLE_CPU_SECONDS = 0.002;
/** On a busy machine one look may come while a server that has work waits for its turn. */
const IDLE_LOOKS = 4;
const IDLE_LIMIT_MS = 20_000;
const MEMORY_INTERVAL_MS = 50;

/** A server in a process of its own, over a folder of repositories, listening on 127.0.0.1. */
export interface ServerUnderTest extends AsyncDisposable {
  readonly port: number;
  /** What it has spent once it has come to rest, so that work put off behind an answer counts too. */
  settled(options?: { readonly resetLoop?: boolean }): Promise<ProbeAnswer>;
  /** Starts to watch memory; the answer is a function that ends it and tells the peak in bytes. */
  watchMemory(): Promise<() => Promise<number>>;
}

/** How a server is started and its memory counted. */
export interface ServerCommand {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The work is done by children, the process itself is not part of what is measured. */
  readonly worksInChildren: boolean;
}

/** Starts `node` with these arguments; resolves when it has printed its address. */
export async function startServer({ args, env, worksInChildren }: ServerCommand): Promise<ServerUnderTest> {
  const child = start(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit", "ipc"] });
  const port = await listeningPort(child);
  const ask = createAsker(child);
  const pid = child.pid ?? 0;
  return {
    port,
    async settled({ resetLoop = false } = {}) {
      const until = performance.now() + IDLE_LIMIT_MS;
      let last = await ask(false);
      let idleLooks = 0;
      for (;;) {
        await delay(IDLE_CHECK_MS);
        const next = await ask(false);
        const isIdle = next.busy === 0 && next.cpuSeconds - last.cpuSeconds < IDLE_CPU_SECONDS;
        idleLooks = isIdle ? idleLooks + 1 : 0;
        if (idleLooks === IDLE_LOOKS || performance.now() > until) return resetLoop ? ask(true) : next;
        last = next;
      }
    },
    watchMemory: () => (worksInChildren ? watchChildren(pid) : watchProcess(pid)),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      // With SIGTERM it closes in order and writes its profile, if it was asked for one.
      child.kill("SIGTERM");
      const timer = setTimeout(() => kill(child), 10_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (status) => reject(new Error(`the server exited with ${status}`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = /http:\/\/[^\s/]+:(\d+)/.exec(line)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
  });
}

function createAsker(child: ChildProcess): (resetLoop: boolean) => Promise<ProbeAnswer> {
  let lastId = 0;
  const waiting = new Map<number, (answer: ProbeAnswer) => void>();
  const refusals = new Set<(error: Error) => void>();
  child.on("message", (answer: ProbeAnswer) => waiting.get(answer.id)?.(answer));
  child.once("exit", (status, signal) => {
    for (const refuse of refusals) refuse(new Error(`the server ended with ${signal ?? status}`));
  });
  return async (resetLoop) => {
    const id = ++lastId;
    let refuse: (error: Error) => void = () => {};
    try {
      return await new Promise<ProbeAnswer>((resolve, reject) => {
        refuse = reject;
        refusals.add(reject);
        waiting.set(id, resolve);
        child.send({ id, resetLoop } satisfies ProbeQuestion);
      });
    } finally {
      waiting.delete(id);
      refusals.delete(refuse);
    }
  };
}

/** The system keeps a process's high-water mark. */
async function watchProcess(pid: number): Promise<() => Promise<number>> {
  await resetPeak(pid);
  return async () => (await peakBytes(pid)) ?? 0;
}

/** Of a tree of short-lived processes there is no high-water mark: it is looked at now and then. */
async function watchChildren(pid: number): Promise<() => Promise<number>> {
  let peak = 0;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      const descendants = (await processTree(pid)).slice(1);
      const shares = await Promise.all(descendants.map(shareBytes));
      peak = Math.max(
        peak,
        shares.reduce((sum, share) => sum + share, 0),
      );
      await delay(MEMORY_INTERVAL_MS);
    }
  })();
  return async () => {
    isOver = true;
    await watching;
    return peak;
  };
}
