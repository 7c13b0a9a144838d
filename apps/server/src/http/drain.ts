import type { IncomingMessage } from "node:http";

const DRAIN_MS = 60_000;

/**
 * Reads and drops what is left of a request whose answer is out already: a client that is still sending a refused pack
 * reads the answer only then. Who sends on for more than a minute is cut off.
 */
export async function drainBody(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return;
  const timer = setTimeout(() => request.destroy(), DRAIN_MS);
  request.unpipe();
  request.resume();
  await new Promise<void>((resolve) => {
    request
      .once("end", resolve)
      .once("close", resolve)
      .once("error", () => resolve());
  });
  clearTimeout(timer);
}
