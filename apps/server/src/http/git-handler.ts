import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type ChunkPool,
  type ConversationOptions,
  type ProtocolError,
  type ProtocolVersion,
  advertiseReceivePack,
  advertiseUploadPack,
  createChunkPool,
  parseProtocolVersion,
  serveReceivePack,
  serveUploadPack,
} from "@millrace/protocol-v2";
import type { Receiver, Repository, RepositoryView } from "@millrace/repository";
import type { Courier } from "../announce/courier.ts";
import { type RepositoryPool, isAbsent } from "../repository-pool.ts";
import type { ServerOptions } from "../schema.ts";
import { readBody } from "./body.ts";
import { drainBody } from "./drain.ts";
import { HttpError } from "./http-error.ts";
import { isLoopbackRequest } from "./peer.ts";
import { sendStream } from "./respond.ts";
import { type Route, type Service, findRoute } from "./route.ts";

const MIB = 1024 * 1024;

/** What one request is answered with and from. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
  readonly version: ProtocolVersion;
}

/** Answers git's HTTP requests (gitprotocol-http, "Smart"). */
export class GitHandler {
  readonly #pool: RepositoryPool;
  readonly #options: ServerOptions;
  readonly #agent: string;
  readonly #courier: Courier | undefined;
  /** The buffers of all answers. */
  readonly #chunks: ChunkPool = createChunkPool();

  constructor(pool: RepositoryPool, options: ServerOptions, courier: Courier | undefined) {
    this.#pool = pool;
    this.#courier = courier;
    this.#options = options;
    this.#agent = `millrace/${options.version}`;
  }

  /** Throws `HttpError`, `StorageError` and faults before the answer began; after that it ends the connection. */
  async handle(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const route = findRoute(request.url ?? "");
    if (route === undefined) throw new HttpError(404, "Not found");
    const version = parseProtocolVersion(headerText(request.headers["git-protocol"]));
    const exchange = { request, response, signal, version };
    return route.kind === "info-refs" ? this.#infoRefs(route, exchange) : this.#rpc(route, exchange);
  }

  async #infoRefs(route: Route & { kind: "info-refs" }, exchange: Exchange): Promise<void> {
    demandMethod(exchange.request, ["GET", "HEAD"]);
    const { repository: name, service } = route;
    if (service === undefined) throw new HttpError(403, "This server speaks smart HTTP only");
    if (service !== "git-upload-pack" && service !== "git-receive-pack") {
      throw new HttpError(403, `Unsupported service: ${JSON.stringify(service)}`);
    }
    const type = `application/x-${service}-advertisement`;
    const { version, signal } = exchange;
    const options = { version, agent: this.#agent, http: true, signal, chunks: this.#chunks };
    if (service === "git-upload-pack") {
      // Version 2 tells no ref yet, only what can be asked.
      return this.#withView(name, exchange, version === 2, (view) =>
        this.#send(exchange, type, advertiseUploadPack(view, options)),
      );
    }
    const atomic = this.#pool.capabilities.atomicCommits;
    return this.#withReceiver(name, exchange, false, (receiver) =>
      this.#send(exchange, type, advertiseReceivePack(receiver, { ...options, atomic })),
    );
  }

  async #rpc({ repository: name, service }: Route & { kind: "rpc" }, exchange: Exchange): Promise<void> {
    const { request, response } = exchange;
    const { socket } = request;
    demandMethod(request, ["POST"]);
    demandContentType(request, service);
    if (service === "git-receive-pack") this.#demandPushAccess(request);
    try {
      await (service === "git-upload-pack" ? this.#fetch(name, exchange) : this.#push(name, exchange));
    } finally {
      if (!response.destroyed) await drainBody(request, socket);
    }
  }

  #fetch(name: string, exchange: Exchange): Promise<void> {
    const { request, signal, version } = exchange;
    return this.#withView(name, exchange, false, async (view) => {
      const body = readBody(request, this.#options.maxFetchRequestBytes ?? 64 * MIB);
      const answer = serveUploadPack(view, body, this.#conversation(signal, version));
      await this.#send(exchange, "application/x-git-upload-pack-result", answer);
    });
  }

  #push(name: string, exchange: Exchange): Promise<void> {
    const { request, signal, version } = exchange;
    // The push itself looks again.
    return this.#withReceiver(name, exchange, true, async (receiver, { store }) => {
      const body = readBody(request, undefined);
      const atomic = this.#pool.capabilities.atomicCommits;
      const answer = serveReceivePack(receiver, body, { ...this.#conversation(signal, version), atomic });
      await this.#send(exchange, "application/x-git-receive-pack-result", answer);
      this.#options.onPushAnswered?.(store.name);
    });
  }

  #send({ response }: Exchange, type: string, answer: AsyncIterable<Uint8Array>): Promise<void> {
    return sendStream(response, type, answer, this.#chunks);
  }

  #withView(
    name: string,
    { signal }: Exchange,
    mayBeOld: boolean,
    fn: (view: RepositoryView) => Promise<void>,
  ): Promise<void> {
    return this.#pool.use(name, signal, async (repository, isFresh) => {
      const view = await repository.openView({ signal, mayBeOld: mayBeOld || isFresh });
      void this.#courier?.takeUp(repository.store);
      try {
        await fn(view);
      } finally {
        await view[Symbol.asyncDispose]();
      }
    });
  }

  async #withReceiver(
    name: string,
    { request, signal }: Exchange,
    mayBeOld: boolean,
    fn: (receiver: Receiver, repository: Repository) => Promise<void>,
  ): Promise<void> {
    this.#demandPushAccess(request);
    const receive = async (repository: Repository, isNew: boolean): Promise<void> => {
      const policy = this.#options.receive ?? {};
      const onReceived = this.#courier?.listen(repository.store);
      const receiver = await repository.openReceiver({ policy, isNew, onReceived, signal, mayBeOld });
      try {
        await fn(receiver, repository);
      } finally {
        await receiver[Symbol.asyncDispose]();
      }
    };
    if (await this.#exists(name, signal)) {
      return this.#pool.use(name, signal, (repository) => receive(repository, false));
    }
    return this.#pool.useNew(name, signal, receive);
  }

  /** Whether the repository is there; throws where it is not and may not be created. */
  async #exists(name: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#pool.use(name, signal, async (repository) => {
        const view = await repository.openView({ signal, mayBeOld: true });
        await view[Symbol.asyncDispose]();
      });
      return true;
    } catch (error) {
      if (isAbsent(error) && this.#options.createOnPush !== false) return false;
      throw error;
    }
  }

  #conversation(signal: AbortSignal, version: ProtocolVersion): ConversationOptions {
    const { keepAliveMs, onFault } = this.#options;
    const onError = (error: ProtocolError): void => {
      if (error.code === "PROTOCOL_HOST_FAILED") onFault?.(error);
    };
    return { version, agent: this.#agent, signal, chunks: this.#chunks, keepAliveMs, onError };
  }

  #demandPushAccess(request: IncomingMessage): void {
    const { anonymousPush = "loopback" } = this.#options;
    if (anonymousPush === "anyone" || (anonymousPush === "loopback" && isLoopbackRequest(request))) return;
    throw new HttpError(403, "Pushing is not allowed from here");
  }
}

function demandMethod(request: IncomingMessage, allowed: readonly string[]): void {
  if (allowed.includes(request.method ?? "")) return;
  throw new HttpError(405, "Method not allowed", { Allow: allowed.join(", ") });
}

function demandContentType(request: IncomingMessage, service: Service): void {
  const expected = `application/x-${service}-request`;
  if (headerText(request.headers["content-type"]) === expected) return;
  throw new HttpError(415, `invalid Content-Type: expected ${expected}`);
}

function headerText(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.join(":");
}
