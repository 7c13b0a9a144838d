import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

const DRAIN_MS = 60_000;

/**
 * Reads and drops what is left of a request whose answer is out already: a client that is still sending a refused pack
 * reads the answer only then. Who sends on for more than a minute is cut off. The socket is asked too, since Node tells
 * an answered request nothing of its connection's end.
 */
export async function drainBody(request: IncomingMessage, socket: Socket): Promise<void> {
  if (request.complete || request.destroyed || socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), DRAIN_MS);
  request.unpipe();
  request.resume();
  await new Promise<void>((resolve) => {
    request.once("end", resolve).once("close", resolve).once("error", resolve);
    socket.once("close", resolve);
  });
  clearTimeout(timer);
}
