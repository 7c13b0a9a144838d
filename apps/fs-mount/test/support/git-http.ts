import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { GIT_ENVIRONMENT } from "./repository.ts";

/**
 * git's own HTTP service over one folder of repositories, on a port that it keeps, with requests that are held back before they are
 * answered. It can be killed, and started again.
 */
export class GitHttp implements AsyncDisposable {
  /** Whether a request is held back, by its body. */
  holds: (body: string) => boolean = () => false;
  /** After how many bytes of its answer a request is held back, by its body; `undefined`: it is not. */
  stalls: (body: string) => number | undefined = () => undefined;
  /** Bytes of an answer to a fetch after which the line is cut. */
  cutsAfterBytes: number | undefined;
  /** What a request has to have for its header `authorization`. */
  authorization: string | undefined;
  /** Bodies of all fetches. */
  readonly fetches: string[] = [];
  readonly #root: string;
  readonly #running = new Set<ChildProcess>();
  #server: Server | undefined;
  #port = 0;
  #held: (() => void)[] = [];
  #wake: (() => void)[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  /** The address of a repository in the folder. */
  url(name: string): string {
    return `http://127.0.0.1:${this.#port}/${name}`;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#serve(request, response));
    this.#server = server;
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Waits until a request is held back. */
  async isHolding(): Promise<void> {
    if (this.#held.length === 0) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  /** Holds nothing back any more. */
  release(): void {
    this.holds = () => false;
    this.stalls = () => undefined;
    for (const go of this.#held.splice(0)) go();
  }

  /** Hangs up on everybody, and answers nobody. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    for (const child of this.#running) child.kill("SIGKILL");
    await closed;
    this.#held = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => undefined);
    try {
      const sent = await buffer(request);
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
      const text = body.toString("latin1");
      if (this.authorization !== undefined && request.headers.authorization !== this.authorization) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="here"' }).end();
        return;
      }
      if (text.includes("command=fetch")) this.fetches.push(text);
      if (this.holds(text)) await new Promise<void>((resolve) => this.#hold(resolve));
      this.#answer(request, body, response, this.stalls(text));
    } catch {
      response.destroy();
    }
  }

  #hold(goOn: () => void): void {
    this.#held.push(goOn);
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** By the common gateway interface (RFC 3875). */
  #answer(
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
    stallBytes: number | undefined,
  ): void {
    const { pathname, search } = new URL(request.url!, "http://localhost");
    const child = spawn("git", ["http-backend"], {
      env: {
        ...GIT_ENVIRONMENT,
        GIT_PROJECT_ROOT: this.#root,
        GIT_HTTP_EXPORT_ALL: "1",
        GIT_PROTOCOL: request.headers["git-protocol"] as string | undefined,
        REQUEST_METHOD: request.method,
        PATH_INFO: pathname,
        QUERY_STRING: search.slice(1),
        CONTENT_TYPE: request.headers["content-type"],
        CONTENT_LENGTH: String(body.length),
      },
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.#running.add(child);
    child.on("close", () => this.#running.delete(child));
    child.stdin.on("error", () => undefined);
    child.stdin.end(body);
    let leftBytes = stallBytes ?? Infinity;
    const held: Buffer[] = [];
    let hasEnded = false;
    const send = (chunk: Buffer): void => {
      if (held.length > 0) {
        held.push(chunk);
        return;
      }
      response.write(chunk.subarray(0, leftBytes));
      const rest = chunk.subarray(leftBytes);
      leftBytes -= chunk.length - rest.length;
      if (rest.length === 0) return;
      held.push(rest);
      this.#hold(() => {
        leftBytes = Infinity;
        for (const each of held.splice(0)) response.write(each);
        if (hasEnded) response.end();
      });
    };
    const isCut = body.includes("command=fetch");
    let head = Buffer.alloc(0);
    let told = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      told += chunk.length;
      if (isCut && told > (this.cutsAfterBytes ?? told)) {
        response.destroy();
        child.kill("SIGKILL");
        return;
      }
      if (response.headersSent) {
        send(chunk);
        return;
      }
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      for (const line of head.toString("latin1", 0, end).split("\r\n")) {
        const [name = "", value = ""] = line.split(": ");
        if (name === "Status") response.statusCode = Number.parseInt(value, 10);
        else response.setHeader(name, value);
      }
      response.flushHeaders();
      send(head.subarray(end + 4));
    });
    child.on("close", () => {
      hasEnded = true;
      if (held.length === 0) response.end();
    });
  }
}
