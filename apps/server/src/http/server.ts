import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { createWorkerPool } from "@millrace/pack";
import type { Storage } from "@millrace/storage";
import { span } from "@millrace/telemetry";
import { Courier } from "../announce/courier.ts";
import { goRound } from "../announce/go-round.ts";
import { RepositoryPool } from "../repository-pool.ts";
import { type ListenAddress, ServerOptions } from "../schema.ts";
import { createUpkeep } from "../upkeep/schedule.ts";
import { GitHandler } from "./git-handler.ts";
import { toHttpError } from "./http-error.ts";
import { sendError } from "./respond.ts";
import { findRoute } from "./route.ts";

/** How long a client may stay silent between two requests on one connection: typing a password takes a while. */
const KEEP_ALIVE_MS = 75_000;
const HEADERS_MS = 60_000;
const DEFAULT_IDLE_MS = 10 * 60_000;
const DEFAULT_ROUND_MS = 60 * 60_000;
const DEFAULT_OPEN_REPOSITORIES = 64;

/** A running server. Disposing it lets requests finish, then closes. */
export interface GitServer extends AsyncDisposable {
  readonly address: ListenAddress;
  /** Stops taking connections and waits for the requests under way; after `graceMs` they are cut. */
  close(graceMs?: number): Promise<void>;
}

/** Serves the repositories of a storage over smart HTTP. Throws where the address is taken. */
export async function startServer(
  storage: Storage,
  listen: ListenAddress,
  options: ServerOptions,
): Promise<GitServer> {
  const settings = ServerOptions.parse(options);
  const workers = createWorkerPool({ threads: settings.threads ?? availableParallelism() });
  const maxOpen = settings.maxOpenRepositories ?? DEFAULT_OPEN_REPOSITORIES;
  const pool = new RepositoryPool(storage, maxOpen, workers);
  const { onPush, pushIdleMs: idleMs, onFault = () => {} } = settings;
  const courier = onPush === undefined ? undefined : new Courier({ tell: onPush, idleMs, onFault });
  const rounds =
    courier !== undefined && storage.capabilities.outbox === true
      ? createUpkeep({
          everyMs: settings.pushRoundMs ?? DEFAULT_ROUND_MS,
          run: (_, signal) => goRound({ storage, courier, onFault }, signal),
          onFault,
        })
      : undefined;
  const handler = new GitHandler(pool, settings, courier);
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    answer(handler, request, response).catch((error: unknown) => settings.onFault?.(error));
  };
  const server = createServer({ keepAlive: true, keepAliveInitialDelay: 30_000 }, onRequest);
  // The default of five minutes for a whole request would cut off long pushes.
  server.requestTimeout = 0;
  server.headersTimeout = HEADERS_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.timeout = settings.idleTimeoutMs ?? DEFAULT_IDLE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(listen.port, listen.host, resolve);
  });
  const { address, port } = server.address() as AddressInfo;

  const close = async (graceMs = 30_000): Promise<void> => {
    await closeServer(server, graceMs);
    await rounds?.[Symbol.asyncDispose]();
    await courier?.[Symbol.asyncDispose]();
    await pool[Symbol.asyncDispose]();
    await workers[Symbol.asyncDispose]();
  };
  return { address: { host: address, port }, close, [Symbol.asyncDispose]: () => close() };
}

/** Answers one request; whatever fails before the answer has begun becomes a status. */
async function answer(
  handler: GitHandler,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Kept, since a request lets go of its socket when the client goes away.
  const { socket } = request;
  const { bytesRead: readBefore, bytesWritten: writtenBefore } = socket;
  const controller = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) controller.abort(new Error("the client went away"));
  });
  const route = findRoute(request.url ?? "");
  const metadata = {
    method: request.method ?? "",
    route: route?.kind ?? "none",
    service: route?.service ?? "",
    repository: route?.repository ?? "",
  };
  await span("http.request", metadata, async (active) => {
    try {
      await handler.handle(request, response, controller.signal);
    } catch (error) {
      if (response.headersSent || response.destroyed) {
        response.destroy();
        if (!controller.signal.aborted) throw error;
        return;
      }
      const refusal = toHttpError(error);
      sendError(response, refusal);
      request.resume();
      if (refusal.status >= 500) throw error;
    } finally {
      active.set("status", response.statusCode);
      active.set("request_bytes", socket.bytesRead - readBefore);
      active.set("response_bytes", socket.bytesWritten - writtenBefore);
    }
  });
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}
