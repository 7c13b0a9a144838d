import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { ProtocolError } from "../../errors.ts";
import { printable } from "../../printable.ts";
import { readAnswerPackets } from "../answer-packets.ts";
import type {
  Answer,
  Conversation,
  GitService,
  GitTransport,
  OpenOptions,
  RequestBody,
} from "../transport.ts";
import { withinTime } from "./within-time.ts";

/** A running service: its standard streams. */
export interface ServiceStreams {
  readonly input: Writable;
  readonly output: Readable;
  /** What it says beside, for the user. */
  readonly complaints?: Readable | undefined;
  /** Ends it, however it stands. */
  kill(): void;
  /** Settles when it has ended. */
  readonly ended: Promise<unknown>;
}

/** How long a service may take to end when its client has left, in milliseconds. */
const PARTING_MS = 5000;
/** Bytes of complaints that are kept, the last ones. */
const MAX_COMPLAINT_BYTES = 8 * 1024;

/**
 * A way to a repository by a service that talks over streams (gitprotocol-pack, "SSH Transport").
 * `start` runs the service; what it throws counts as not reachable.
 */
export function openStreamTransport(
  address: string,
  start: (service: GitService, options: OpenOptions) => Promise<ServiceStreams>,
  answerTimeoutMs: number,
): GitTransport {
  const open = new Set<Conversation>();
  let isClosed = false;
  return {
    address,
    async open(service, options) {
      options.signal?.throwIfAborted();
      const streams = await start(service, options).catch((cause: unknown) => {
        options.signal?.throwIfAborted();
        if (cause instanceof ProtocolError) throw cause;
        throw new ProtocolError("PROTOCOL_UNREACHABLE", `no connection to ${address}`, { cause });
      });
      const conversation = converse(streams, address, answerTimeoutMs, () => open.delete(conversation));
      open.add(conversation);
      if (isClosed) {
        // Its beginning has outlived whoever asked for it, and nobody else would ever end it.
        await conversation[Symbol.asyncDispose]();
        throw new ProtocolError("PROTOCOL_UNREACHABLE", `the way to ${address} is closed`);
      }
      return conversation;
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await Promise.all([...open].map((conversation) => conversation[Symbol.asyncDispose]()));
    },
  };
}

function converse(
  streams: ServiceStreams,
  address: string,
  answerTimeoutMs: number,
  onEnd: () => void,
): Conversation {
  const { input, output, kill } = streams;
  const complaints = collectTail(streams.complaints);
  // A service that leaves early says why in its answer; that its ears are closed is no news then.
  input.on("error", () => undefined);

  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      yield* withinTime(output, answerTimeoutMs, address);
    } catch (cause) {
      if (cause instanceof ProtocolError || aborted !== undefined) throw aborted?.reason ?? cause;
      throw new ProtocolError("PROTOCOL_UNREACHABLE", `${address} hung up`, { cause, transient: true });
    }
    // Nobody asks for more than an answer has, so this is where one breaks off.
    await parted(streams.ended);
    const words = complaints();
    if (words !== "") throw brokenOff(address, words);
  }
  let aborted: { readonly reason: unknown } | undefined;
  const packets = readAnswerPackets(bytes());
  /** Whether the service waits for a request. */
  let isAtRest = false;
  let ending: Promise<void> | undefined;
  const leave = async (): Promise<void> => {
    onEnd();
    input.end();
    // A service that has nothing more to read ends by itself, and its hooks with it.
    if (isAtRest) await parted(packets.read());
    await packets.cancel().catch(() => undefined);
    if (isAtRest) await parted(streams.ended);
    kill();
  };
  const end = (): Promise<void> => (ending ??= leave());
  /** The service's packets, as one answer until it is done. */
  const answer = (signal: AbortSignal | undefined): Promise<Answer> => {
    signal?.throwIfAborted();
    isAtRest = false;
    const abort = (): void => {
      aborted = { reason: signal?.reason };
      kill();
      output.destroy();
    };
    signal?.addEventListener("abort", abort, { once: true });
    const settle = (): void => signal?.removeEventListener("abort", abort);
    return Promise.resolve({
      packets,
      done() {
        settle();
        isAtRest = true;
        return Promise.resolve();
      },
      async [Symbol.asyncDispose]() {
        settle();
        await end();
      },
    });
  };
  return {
    stateless: false,
    advertisement: answer,
    request(body, signal) {
      void send(body, input);
      return answer(signal);
    },
    [Symbol.asyncDispose]: end,
  };
}

/** Writes a request while its answer is read; a body that fails ends the service, whose answer then ends early. */
async function send(body: RequestBody, input: Writable): Promise<void> {
  try {
    const chunks = body instanceof Uint8Array ? [body] : body;
    for await (const chunk of chunks) {
      if (input.destroyed) return;
      if (!input.write(chunk)) await drained(input);
    }
  } catch (error) {
    input.destroy(error instanceof Error ? error : undefined);
  }
}

function drained(input: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      input.off("drain", settle);
      input.off("close", settle);
      resolve();
    };
    input.on("drain", settle);
    input.on("close", settle);
  });
}

/** Waits for a service's end, as long as is seemly. */
async function parted(ended: Promise<unknown>): Promise<void> {
  const waiting = new AbortController();
  const tooLong = sleep(PARTING_MS, undefined, { signal: waiting.signal });
  await Promise.race([ended, tooLong]).catch(() => undefined);
  waiting.abort();
  await tooLong.catch(() => undefined);
}

/** A service that ended with words of complaint instead of an answer. */
function brokenOff(address: string, words: string): ProtocolError {
  const isNone = words.includes("does not appear to be a git repository");
  const code = isNone ? "PROTOCOL_NO_REPOSITORY" : "PROTOCOL_UNREACHABLE";
  return new ProtocolError(code, `${address} hung up: ${words}`, { remoteMessage: words });
}

function collectTail(stream: Readable | undefined): () => string {
  let tail = Buffer.alloc(0);
  stream?.on("data", (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-MAX_COMPLAINT_BYTES);
  });
  stream?.on("error", () => undefined);
  // Its first words say what went wrong, those behind them what the user might do.
  return () => printable(tail.toString("utf8").trim().split("\n")[0] ?? "");
}
