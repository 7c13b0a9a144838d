import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { z } from "zod";
import { MountError } from "../errors.ts";
import { JsonLines, jsonLine } from "./lines.ts";
import { type ControlRequest, MAX_REQUEST_BYTES, type NumberedAnswer, NumberedRequest } from "./protocol.ts";
import { toldError } from "../told-error.ts";

/** Performs a request. The signal ends when whoever has asked is gone. */
export type Perform = (request: ControlRequest, signal: AbortSignal) => Promise<unknown>;

/** Requests of one client that run at once; the next ones wait in its socket. */
const MAX_RUNNING = 64;
/** Clients at once. */
const MAX_CLIENTS = 256;

/**
 * Listens on a socket that only its owner may open, and answers until it is disposed. Whoever talks nonsense is told so and hung
 * up on; nobody else notices. The path is this process's alone: what lies there is removed.
 * Throws what the system says.
 */
export async function serveControl(path: string, perform: Perform): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    talk(socket, perform);
  });
  server.maxConnections = MAX_CLIENTS;
  rmSync(path, { force: true });
  await listen(server, path);
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const socket of sockets) socket.destroy();
      await closed;
      rmSync(path, { force: true });
    },
  };
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    // The socket is bound within this call: no moment is left in which others might open it.
    const umask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off("error", reject);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
}

function talk(socket: Socket, perform: Perform): void {
  const lines = new JsonLines(MAX_REQUEST_BYTES);
  const gone = new AbortController();
  let running = 0;
  const say = (answer: NumberedAnswer): void => {
    if (socket.writable) socket.write(jsonLine(answer));
  };
  const answer = async ({ id, request }: NumberedRequest): Promise<void> => {
    running++;
    if (running >= MAX_RUNNING) socket.pause();
    try {
      const value = await perform(request, gone.signal);
      say({ id, ok: true, value });
    } catch (error) {
      say({ id, ok: false, error: toldError(error) });
    } finally {
      running--;
      if (running < MAX_RUNNING) socket.resume();
    }
  };
  const leave = (): void => gone.abort(new MountError("MOUNT_STOPPED", "nobody waits for the answer"));

  socket.on("data", (chunk: Uint8Array) => {
    try {
      for (const line of lines.push(chunk)) {
        const parsed = NumberedRequest.safeParse(line);
        if (parsed.success) void answer(parsed.data);
        else throw badRequest(parsed.error);
      }
    } catch (error) {
      // What follows cannot be understood either.
      socket.end(jsonLine({ id: null, ok: false, error: toldError(error) } satisfies NumberedAnswer));
      socket.removeAllListeners("data");
      socket.resume();
    }
  });
  socket.on("close", leave);
  // A client that has gone away is none of our faults; "close" follows.
  socket.on("error", leave);
}

function badRequest(error: z.ZodError): MountError {
  return new MountError("MOUNT_BAD_REQUEST", `no such request: ${z.prettifyError(error)}`, { cause: error });
}
