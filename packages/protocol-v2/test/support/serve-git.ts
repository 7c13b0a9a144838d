import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createGunzip } from "node:zlib";
import {
  advertiseReceivePack,
  advertiseUploadPack,
  parseProtocolVersion,
  serveReceivePack,
  serveUploadPack,
} from "../../src/index.ts";
import { createGitHost } from "./git-host.ts";

/** What a server offers that holds nothing back. */
const policy = {
  wants: "any",
  filters: true,
  refInWant: true,
  sidebandAll: true,
  pushOptions: true,
  sessionId: "test",
} as const;

export interface ServiceClient {
  readonly options: readonly string[];
  /** The same for `git clone`, which knows no remote yet: behind the command. */
  readonly cloneOptions: readonly string[];
  readonly url: string;
}

/** A server for real git clients, made of this package and a host on top of git. */
export interface GitService {
  /** Arguments before git's command that make it reach `directory` of the root, and the URL to name. */
  client(directory: string): ServiceClient;
  close(): Promise<void>;
}

/** Over HTTP, statelessly. */
export async function serveHttp(root: string): Promise<GitService> {
  const server = createHttpServer((request, response) => {
    answerHttp(root, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    client: (directory) => ({
      options: [],
      cloneOptions: [],
      url: `http://127.0.0.1:${port}/${directory}`,
    }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function answerHttp(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "", "http://localhost");
  const [, directory = "", ...rest] = url.pathname.split("/");
  const version = parseProtocolVersion(request.headers["git-protocol"] as string | undefined);
  const host = createGitHost(join(root, directory), policy);
  const service = rest.join("/") === "info/refs" ? url.searchParams.get("service") : rest.join("/");
  if (request.method === "GET") {
    response.setHeader("Content-Type", `application/x-${service}-advertisement`);
    const advertise = service === "git-upload-pack" ? advertiseUploadPack : advertiseReceivePack;
    await pipeline(advertise(host, { version, http: true }), response);
    return;
  }
  response.setHeader("Content-Type", `application/x-${service}-result`);
  const body = request.headers["content-encoding"] === "gzip" ? request.pipe(createGunzip()) : request;
  const serve = service === "git-upload-pack" ? serveUploadPack : serveReceivePack;
  await pipeline(serve(host, body, { version }), response);
}

/** Over a pipe of which the client keeps its end open, with state. */
export async function serveStdio(root: string): Promise<GitService> {
  const path = join(root, "socket");
  // A client that has said all it has to say closes its end and still waits for the answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    answerStdio(socket).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const bridge = fileURLToPath(new URL("bridge.mjs", import.meta.url));
  const program = (service: string): string => `node '${bridge}' '${path}' ${service}`;
  return {
    client: (directory) => ({
      options: [
        "-c",
        `remote.origin.uploadpack=${program("git-upload-pack")}`,
        "-c",
        `remote.origin.receivepack=${program("git-receive-pack")}`,
      ],
      cloneOptions: [`--upload-pack=${program("git-upload-pack")}`],
      url: `file://${join(root, directory)}`,
    }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function answerStdio(socket: Socket): Promise<void> {
  const bytes = socket.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head = Buffer.alloc(0);
  while (!head.includes(0x0a)) {
    const next = await bytes.next();
    if (next.done === true) return;
    head = Buffer.concat([head, next.value]);
  }
  const end = head.indexOf(0x0a);
  const { service, directory, protocol } = JSON.parse(head.subarray(0, end).toString()) as Record<
    string,
    string
  >;
  async function* rest(): AsyncGenerator<Uint8Array> {
    yield head.subarray(end + 1);
    for (;;) {
      const next = await bytes.next();
      if (next.done === true) return;
      yield next.value;
    }
  }
  const host = createGitHost(directory ?? "", policy);
  const serve = service === "git-upload-pack" ? serveUploadPack : serveReceivePack;
  await pipeline(serve(host, rest(), { version: parseProtocolVersion(protocol), stateless: false }), socket);
}
