import { once } from "node:events";
import { type Socket, connect } from "node:net";

const READ_BYTES = 256 * 1024;
const PACK_MAGIC = Buffer.from("PACK");

/** A request put on the wire as it stands here. */
export interface RawRequest {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Bytes go with their length, an iterable in chunks of HTTP, as git sends what is large. Without one it is a GET. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Keep the answer's body. Default `false`: it is counted and dropped. */
  readonly keep?: boolean | undefined;
}

/** How the answer came in. Times are in seconds from the start of the connection. */
export interface RawAnswer {
  readonly status: number;
  /** Everything behind the head, the framing of HTTP included. */
  readonly bodyBytes: number;
  /** When the first bytes of a pack were here; `undefined` where there was none. */
  readonly packSeconds: number | undefined;
  readonly wallSeconds: number;
  /** With `keep`: the body, out of its HTTP framing. */
  readonly body: Buffer;
}

/**
 * Sends one request over a connection of its own and drains the answer as fast as a socket gives it, with no HTTP
 * client in between. Throws where the answer is not whole.
 */
export async function rawRequest(port: number, request: RawRequest): Promise<RawAnswer> {
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  const kept: Buffer[] = [];
  let head = "";
  let bodyBytes = 0;
  let packSeconds: number | undefined;
  let last = Buffer.alloc(0);

  const onBody = (bytes: Buffer): void => {
    bodyBytes += bytes.length;
    if (packSeconds === undefined && bytes.includes(PACK_MAGIC)) packSeconds = seconds();
    if (request.keep === true) kept.push(Buffer.from(bytes));
    last = Buffer.concat([last, bytes.subarray(-8)]).subarray(-8);
  };
  let isBody = false;
  const socket = connect({
    port,
    host: "127.0.0.1",
    onread: {
      buffer: Buffer.allocUnsafe(READ_BYTES),
      callback(count, buffer) {
        const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, count);
        if (isBody) {
          onBody(bytes);
          return true;
        }
        head += bytes.toString("latin1");
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return true;
        isBody = true;
        onBody(Buffer.from(head.slice(end + 4), "latin1"));
        head = head.slice(0, end + 2);
        return true;
      },
    },
  });
  socket.setNoDelay(true);
  const closed = once(socket, "close");
  await once(socket, "connect");
  await send(socket, request);
  await closed;
  const wallSeconds = seconds();

  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
  const isChunked = /^transfer-encoding: chunked\r$/im.test(head);
  const length = /^content-length: (\d+)\r$/im.exec(head)?.[1];
  if (isChunked ? !last.toString("latin1").endsWith("0\r\n\r\n") : length !== String(bodyBytes)) {
    throw new Error(`${request.path}: the answer broke off after ${bodyBytes} bytes, status ${status}`);
  }
  const body = Buffer.concat(kept);
  return { status, bodyBytes, packSeconds, wallSeconds, body: isChunked ? unchunked(body) : body };
}

async function send(socket: Socket, { path, headers = {}, body }: RawRequest): Promise<void> {
  const isWhole = body === undefined || body instanceof Uint8Array;
  const lines = [
    `${body === undefined ? "GET" : "POST"} ${path} HTTP/1.1`,
    "Host: localhost",
    "Connection: close",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(isWhole ? [`Content-Length: ${body?.length ?? 0}`] : ["Transfer-Encoding: chunked"]),
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  if (isWhole) {
    if (body !== undefined) socket.write(body);
    return;
  }
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  for await (const chunk of body) {
    socket.write(`${chunk.length.toString(16)}\r\n`);
    socket.write(chunk);
    // A server that refuses early answers and closes; what it has to say is read all the same.
    if (socket.destroyed) return;
    if (!socket.write("\r\n")) await once(socket, "drain", { signal: gone.signal }).catch(() => {});
  }
  socket.write("0\r\n\r\n");
}

/** Takes the chunks of HTTP out of a kept body (RFC 9112, 7.1). */
function unchunked(framed: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < framed.length; ) {
    const end = framed.indexOf("\r\n", at);
    const length = Number.parseInt(framed.toString("latin1", at, end), 16);
    parts.push(framed.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return Buffer.concat(parts);
}
