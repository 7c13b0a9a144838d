import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request as send, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { LoggedRequest } from "./request-log.ts";

/** What goes wrong with one request. */
export type Fault =
  /** The store has too much to do: 503 with code SlowDown, or another status; nothing is done. */
  | { readonly kind: "status"; readonly status: number; readonly code: string }
  /** The connection breaks before the store has heard of the request. */
  | { readonly kind: "reset-before" }
  /** The store does what is asked, and the connection breaks before the answer. */
  | { readonly kind: "reset-after" }
  /** Half of the answer's body arrives. */
  | { readonly kind: "half-body" }
  /** The store hears of the request only then. */
  | { readonly kind: "hold"; readonly until: Promise<void> }
  /** Nothing is ever answered. */
  | { readonly kind: "silence" };

/** Decides about each request as it comes. */
export type FaultPlan = (request: { readonly method: string; readonly path: string }) => Fault | undefined;

/** A proxy in front of an S3 server, whose requests it counts and breaks. */
export interface FaultProxy extends AsyncDisposable {
  readonly url: string;
  /** What went through since `clear`, in the order of their ends. */
  readonly requests: readonly LoggedRequest[];
  /** How long each request waits before it goes on, in milliseconds. */
  latencyMs: number;
  /** How far the store's clock seems to be ahead, as the `Date` of its answers has it, in milliseconds. */
  aheadMs: number;
  /** What goes wrong; nothing where absent. */
  plan: FaultPlan | undefined;
  clear(): void;
}

/**
 * Opens a proxy on loopback. Headers go on in their order and spelling, `Host` among them, which is signed; bodies go on
 * byte for byte, and `Expect: 100-continue` is asked of the server behind.
 */
export async function openFaultProxy(target: string): Promise<FaultProxy> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const requests: LoggedRequest[] = [];

  const pass = async (
    incoming: IncomingMessage,
    response: ServerResponse,
    expects: boolean,
  ): Promise<void> => {
    const { method = "", url: path = "" } = incoming;
    const startMs = performance.now();
    const log = (status: number): void =>
      void requests.push({ method, path, startMs, endMs: performance.now(), status });
    const fault = proxy.plan?.({ method, path });
    if (proxy.latencyMs > 0) await sleep(proxy.latencyMs);
    if (fault?.kind === "silence") return;
    if (fault?.kind === "hold") await fault.until;
    if (fault?.kind === "reset-before") {
      incoming.socket.destroy();
      return log(0);
    }
    if (fault?.kind === "status") {
      incoming.resume();
      response.writeHead(fault.status, { "Content-Type": "application/xml", Connection: "close" });
      response.end(
        `<?xml version="1.0"?><Error><Code>${fault.code}</Code><Message>a fault</Message></Error>`,
      );
      return log(fault.status);
    }
    const outgoing = send({
      agent,
      host: hostname,
      port,
      method,
      path,
      setHost: false,
      headers: pairs(incoming),
    });
    outgoing.on("error", () => incoming.socket.destroy());
    response.on("close", () => {
      if (!response.writableFinished) outgoing.destroy();
    });
    if (expects) outgoing.on("continue", () => response.writeContinue());
    incoming.pipe(outgoing);
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    const body: Buffer[] = [];
    for await (const chunk of answer) body.push(chunk as Buffer);
    if (fault?.kind === "reset-after") {
      incoming.socket.destroy();
      return log(0);
    }
    const whole = Buffer.concat(body);
    response.writeHead(
      answer.statusCode ?? 502,
      answer.statusMessage,
      later(answer.rawHeaders, proxy.aheadMs),
    );
    log(answer.statusCode ?? 502);
    if (fault?.kind === "half-body") {
      response.write(whole.subarray(0, whole.length >> 1), () => incoming.socket.destroy());
      return;
    }
    response.end(whole);
  };

  const server = createServer((incoming, response) => {
    pass(incoming, response, false).catch(() => incoming.socket.destroy());
  });
  server.on("checkContinue", (incoming: IncomingMessage, response: ServerResponse) => {
    pass(incoming, response, true).catch(() => incoming.socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const proxy: FaultProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    latencyMs: 0,
    aheadMs: 0,
    plan: undefined,
    clear: () => void requests.splice(0),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      agent.destroy();
    },
  };
  return proxy;
}

/** The headers of an answer, dated as if the store's clock were ahead. */
function later(rawHeaders: readonly string[], aheadMs: number): string[] {
  return rawHeaders.map((text, i) =>
    i % 2 === 1 && aheadMs !== 0 && /^date$/i.test(rawHeaders[i - 1] ?? "")
      ? new Date(Date.parse(text) + aheadMs).toUTCString()
      : text,
  );
}

/** Headers as they came, but for those that belong to one connection. */
function pairs({ rawHeaders }: IncomingMessage): string[] {
  const kept: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.toLowerCase() !== "connection") kept.push(name, rawHeaders[i + 1] as string);
  }
  return kept;
}
