import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a test may ask of a server of git-lfs. */
export interface LfsServer extends AsyncDisposable {
  /** The address of its API, with a user and a password. */
  readonly url: string;
  /** Objects by their hash. What lies under one need not be what it says. */
  readonly objects: Map<string, Uint8Array>;
  /** Ids of each batch, and those that were downloaded. */
  readonly batches: string[][];
  readonly downloads: string[];
}

export function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The pointer to a content (git-lfs: "The Pointer"). */
export function pointer(content: Uint8Array): string {
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(content)}\nsize ${content.length}\n`;
}

const MEDIA_TYPE = "application/vnd.git-lfs+json";
const USER = `Basic ${Buffer.from("ann:secret").toString("base64")}`;

/** Serves the batch API and basic downloads of git-lfs, for one user. */
export async function openLfsServer(): Promise<LfsServer> {
  const objects = new Map<string, Uint8Array>();
  const batches: string[][] = [];
  const downloads: string[] = [];
  let base = "";

  const batch = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = "";
    for await (const piece of request) body += String(piece);
    const asked = JSON.parse(body) as {
      operation: string;
      transfers?: string[];
      hash_algo?: string;
      objects: { oid: string; size: number }[];
    };
    const isRight =
      request.headers.accept === MEDIA_TYPE &&
      request.headers["content-type"] === MEDIA_TYPE &&
      asked.operation === "download" &&
      asked.transfers?.includes("basic") === true &&
      asked.hash_algo === "sha256";
    if (!isRight) {
      response.writeHead(422).end();
      return;
    }
    batches.push(asked.objects.map(({ oid }) => oid));
    const told = asked.objects.map(({ oid, size }) =>
      objects.has(oid)
        ? {
            oid,
            size,
            actions: { download: { href: `${base}/objects/${oid}`, header: { "x-token": oid.slice(0, 8) } } },
          }
        : { oid, size, error: { code: 404, message: "Object does not exist" } },
    );
    response.writeHead(200, { "content-type": MEDIA_TYPE });
    response.end(JSON.stringify({ transfer: "basic", objects: told, hash_algo: "sha256" }));
  };

  const server = createServer((request, response) => {
    const { method, url = "", headers } = request;
    if (headers.authorization !== USER) {
      response.writeHead(401, { "lfs-authenticate": 'Basic realm="lfs"' }).end();
      return;
    }
    if (method === "POST" && url === "/lfs/objects/batch") {
      void batch(request, response);
      return;
    }
    const oid = url.slice("/objects/".length);
    const content = objects.get(oid);
    if (method !== "GET" || content === undefined || headers["x-token"] !== oid.slice(0, 8)) {
      response.writeHead(404).end();
      return;
    }
    downloads.push(oid);
    response.writeHead(200, { "content-length": content.length });
    response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  base = `http://127.0.0.1:${port}`;
  return {
    url: `http://ann:secret@127.0.0.1:${port}/lfs`,
    objects,
    batches,
    downloads,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
