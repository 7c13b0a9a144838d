import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

const DRAIN_MS = 60_000;
const LINGER_MS = 2_000;

/**
 * Reads and drops what is left of a request whose answer is out already: a client that is still sending a refused pack
 * reads the answer only then. Who sends on for more than a minute is cut off. The socket is asked too, since Node tells
 * an answered request nothing of its connection's end.
 */
export async function drainBody(request: IncomingMessage, socket: Socket): Promise<void> {
  if (request.complete || request.destroyed || socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), DRAIN_MS);
  await bodyEnd(request, socket);
  clearTimeout(timer);
}

/**
 * Waits a moment for the end of a request whose answer is out but for its own end, where that closes the connection: what the
 * client sends to a connection that is closed resets it, and takes along what the client has not read yet.
 */
export async function linger(request: IncomingMessage, socket: Socket): Promise<void> {
  if (request.complete || request.destroyed || socket.destroyed) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, LINGER_MS)));
  await Promise.race([bodyEnd(request, socket), late]);
  clearTimeout(timer);
}

/** Drops what still comes of a request, until nothing does. */
async function bodyEnd(request: IncomingMessage, socket: Socket): Promise<void> {
  request.unpipe();
  request.resume();
  await new Promise<void>((resolve) => {
    request.once("end", resolve).once("close", resolve).once("error", resolve);
    socket.once("close", resolve);
  });
}
