import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import {
  advertiseReceivePack,
  advertiseUploadPack,
  parseProtocolVersion,
  type ReceivePackHost,
  serveReceivePack,
  serveUploadPack,
  type UploadPackHost,
} from "@millrace/protocol-v2";

type Host = UploadPackHost & ReceivePackHost;

/** A git server for one repository: `git clone http://localhost:8080/`. */
export function createGitServer(openHost: () => Promise<Host>): Server {
  return createServer((request, response) => {
    answer(openHost, request, response).catch(() => response.destroy());
  });
}

async function answer(
  openHost: () => Promise<Host>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
  const service = searchParams.get("service") ?? pathname.slice(1);
  const version = parseProtocolVersion(request.headers["git-protocol"]?.toString());
  const host = await openHost();
  try {
    if (pathname === "/info/refs") {
      const advertise = service === "git-receive-pack" ? advertiseReceivePack : advertiseUploadPack;
      response.setHeader("Content-Type", `application/x-${service}-advertisement`);
      await pipeline(advertise(host, { version, http: true }), response);
    } else {
      const serve = service === "git-receive-pack" ? serveReceivePack : serveUploadPack;
      const zipped = request.headers["content-encoding"] === "gzip";
      const body = zipped ? request.pipe(createGunzip()) : request;
      response.setHeader("Content-Type", `application/x-${service}-result`);
      await pipeline(serve(host, body, { version }), response);
    }
  } finally {
    await host[Symbol.asyncDispose]();
  }
}
