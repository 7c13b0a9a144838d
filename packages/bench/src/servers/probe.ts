/**
 * Loaded into a server's process before anything else (`node --import`): answers over the IPC channel what the process
 * has spent and how long its event loop was held up. It costs the server a timer every 10 ms.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";
import { loopResolutionMs } from "./loop-resolution.ts";
import type { ProbeAnswer, ProbeQuestion } from "./probe-messages.ts";

if (isMainThread && process.send !== undefined) {
  const delays = monitorEventLoopDelay({ resolution: loopResolutionMs });
  delays.enable();
  process.on("message", ({ id, resetLoop }: ProbeQuestion) => {
    const { user, system } = process.cpuUsage();
    const answer: ProbeAnswer = {
      id,
      cpuSeconds: (user + system) / 1e6,
      busy: 0,
      loopDelayMs: { p99: delays.percentile(99) / 1e6, max: delays.max / 1e6 },
    };
    if (resetLoop) delays.reset();
    process.send?.(answer);
  });
  // Being watched must not keep the process alive.
  process.channel?.unref();
}
