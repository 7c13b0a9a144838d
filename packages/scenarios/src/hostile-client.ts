import { spawn } from "node:child_process";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { serverCli } from "./server-cli.ts";
import { gitEnvironment } from "./git.ts";
import type { RealRequest } from "./hostile-requests.ts";
import type { Random } from "./random.ts";

/** How long a client that has said all waits before it closes its end: what it said may be half a request. */
const PATIENCE_MS = 250;
/** How long a server may take before it has answered or hung up. */
const DEADLINE_MS = 30_000;

/** Wraps a broken request in an HTTP request, which may be broken too. */
export function httpRequest(
  repository: string,
  { service, version }: RealRequest,
  body: Buffer,
  random: Random,
): Buffer {
  const [encoding, sent] = encode(body, random);
  const length = random.chance(0.1) ? Math.max(0, sent.length + random.below(200) - 100) : sent.length;
  const isChunked = random.chance(0.3);
  const type = random.chance(0.05) ? "text/plain" : `application/x-${service}-request`;
  const head = [
    `POST /${repository}/${service} HTTP/1.1`,
    "Host: localhost",
    "Connection: close",
    `Content-Type: ${type}`,
    ...(version > 0 ? [`Git-Protocol: version=${version}`] : []),
    ...(encoding === undefined ? [] : [`Content-Encoding: ${encoding}`]),
    ...(random.chance(0.1) ? ["Expect: 100-continue"] : []),
    isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`,
  ];
  const whole = Buffer.concat([
    Buffer.from(`${head.join("\r\n")}\r\n\r\n`),
    isChunked ? inChunks(sent, random) : sent,
  ]);
  if (!random.chance(0.05)) return whole;
  const changed = Buffer.from(whole);
  changed[random.below(Math.min(changed.length, 200))] = random.below(256);
  return changed;
}

function encode(body: Buffer, random: Random): [encoding: string | undefined, sent: Buffer] {
  if (!random.chance(0.25)) return [undefined, body];
  const zipped = random.chance(0.2) ? random.bytes(200) : gzipSync(body);
  if (random.chance(0.3)) zipped[random.below(zipped.length)]! ^= 1 + random.below(255);
  const end = random.chance(0.3) ? random.below(zipped.length) : zipped.length;
  return [random.pick(["gzip", "x-gzip", "gzip", "deflate"]), zipped.subarray(0, end)];
}

function inChunks(body: Buffer, random: Random): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const size = 1 + random.below(Math.max(1, Math.ceil(body.length / 3)));
    const piece = body.subarray(at, at + size);
    const told = random.chance(0.02) ? piece.length + 1 : piece.length;
    parts.push(Buffer.from(`${told.toString(16)}\r\n`), piece, Buffer.from("\r\n"));
    at += size;
  }
  if (!random.chance(0.1)) parts.push(Buffer.from("0\r\n\r\n"));
  return Buffer.concat(parts);
}

/** How the bytes go out. */
type Manner = "at once" | "dripping" | "hung up" | "cut off" | "reading nothing";
const manners: readonly Manner[] = [
  "at once",
  "at once",
  "at once",
  "dripping",
  "hung up",
  "cut off",
  "reading nothing",
];

/**
 * Sends bytes over a connection of its own and waits for the end of the connection. Resolves with what came back,
 * `undefined` where we hung up ourselves. Throws where the server neither answers nor hangs up.
 */
export function sendBytes(port: number, bytes: Buffer, random: Random): Promise<Buffer | undefined> {
  const manner = random.pick(manners);
  const places = cuts(bytes, random);
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const answer: Buffer[] = [];
    const timer = setTimeout(() => {
      socket.destroy();
      reject(
        new Error(
          `neither an answer nor an end (${manner}): ${JSON.stringify(String(bytes)).slice(0, 3000)}`,
        ),
      );
    }, DEADLINE_MS);
    let isConnected = false;
    socket.on("error", (cause) => {
      if (!isConnected) reject(new Error("no server takes connections any more", { cause }));
    });
    socket.on("end", () => socket.end());
    let patience: NodeJS.Timeout | undefined;
    const finish = (): void => {
      patience = setTimeout(() => socket.end(), PATIENCE_MS);
    };
    socket.on("close", () => {
      clearTimeout(timer);
      clearTimeout(patience);
      resolve(manner === "at once" || manner === "dripping" ? Buffer.concat(answer) : undefined);
    });
    if (manner !== "reading nothing") socket.on("data", (chunk: Buffer) => answer.push(chunk));
    socket.on("connect", async () => {
      isConnected = true;
      if (manner === "at once") {
        socket.write(bytes);
        finish();
      } else if (manner === "hung up") {
        socket.end(bytes);
      } else if (manner === "dripping") {
        let from = 0;
        for (const to of places) {
          if (socket.destroyed) return;
          socket.write(bytes.subarray(from, to));
          await delay(random.below(4));
          from = to;
        }
        socket.write(bytes.subarray(from));
        finish();
      } else {
        socket.write(manner === "cut off" ? bytes.subarray(0, places[0] ?? 0) : bytes);
        await delay(random.below(30));
        if (random.chance(0.5)) socket.destroy();
        else socket.resetAndDestroy();
      }
    });
  });
}

function cuts(bytes: Buffer, random: Random): number[] {
  const count = 1 + random.below(30);
  return Array.from({ length: count }, () => random.below(bytes.length + 1)).toSorted((a, b) => a - b);
}

/** What a service that talks through pipes left behind. */
export interface StdioEnd {
  readonly status: number | null;
  readonly stderr: string;
}

/** Feeds bytes to one of the stdio services and waits for its end. Throws where it does not come. */
export function feedService(
  directory: string,
  { service, version }: RealRequest,
  bytes: Buffer,
  random: Random,
): Promise<StdioEnd> {
  const stateless = random.chance(0.3) ? ["--stateless-rpc"] : [];
  const args = [serverCli, service.slice("git-".length), ...stateless, directory];
  const places = cuts(bytes, random);
  const manner = random.pick(["at once", "dripping", "deaf"] as const);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      env: { ...gitEnvironment, GIT_PROTOCOL: `version=${version}` },
    });
    let stderr = "";
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${service} did not end: ${JSON.stringify(bytes.toString("latin1")).slice(0, 3000)}`));
    }, DEADLINE_MS);
    child.stderr.on("data", (chunk: Buffer) => (stderr += String(chunk)));
    child.stdin.on("error", () => {});
    child.stdout.on("error", () => {});
    child.once("error", reject);
    child.once("close", (status) => {
      clearTimeout(timer);
      resolve({ status, stderr });
    });
    if (manner === "deaf") child.stdout.destroy();
    else child.stdout.resume();
    const feed = async (): Promise<void> => {
      let from = 0;
      for (const to of manner === "dripping" ? places : []) {
        child.stdin.write(bytes.subarray(from, to));
        await delay(random.below(4));
        from = to;
      }
      child.stdin.end(bytes.subarray(from));
    };
    feed().catch(reject);
  });
}
