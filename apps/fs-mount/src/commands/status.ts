import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { statusLine, type Status } from "../daemon/status.ts";
import { connectTo, type StateFlag } from "./control.ts";
import { onSignals } from "./signals.ts";

/** The command line of `status`, as text. */
export interface StatusFlags extends StateFlag {
  readonly json?: boolean | undefined;
  readonly watch?: boolean | undefined;
}

const STEP_MS = 1000;

/** Tells how it stands, once or whenever it is another. */
export async function status(
  name: string | undefined,
  { json = false, watch = false, ...which }: StatusFlags,
): Promise<void> {
  using client = await connectTo(which);
  const format = (found: readonly Status[]): string =>
    json
      ? `${JSON.stringify(found, undefined, watch ? 0 : 2)}\n`
      : found.map((each) => `${statusLine(each)}\n`).join("");
  const stop = new AbortController();
  const signals = watch ? onSignals(() => stop.abort()) : undefined;
  try {
    for (let before = ""; !stop.signal.aborted; ) {
      const text = format(await client.ask({ command: "status", name }));
      if (text !== before) {
        const redraw = watch && !json && process.stdout.isTTY ? "\u001b[H\u001b[J" : "";
        if (!process.stdout.write(redraw + text)) await once(process.stdout, "drain");
      }
      before = text;
      if (!watch) return;
      await sleep(STEP_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  } finally {
    signals?.forget();
  }
}
