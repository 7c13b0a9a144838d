import { setImmediate as nextTurn } from "node:timers/promises";
import { createPktDecoder, type PktLine } from "@millrace/pktline";
import { clientError } from "./errors.ts";
import { framingError } from "./framing-error.ts";
import { type AbortableSource, type ByteSource, openSource } from "./stream/abortable-source.ts";

/** What a request's packets are handed to, one after another. */
export interface PacketSink {
  /** Takes a packet; `true` where it was the request's last. Its bytes are valid during the call only. */
  accept(packet: PktLine): boolean;
}

/** A client's bytes: requests of pkt-lines, and whatever raw bytes follow one. */
export interface RequestInput {
  /**
   * Hands packets to `sink` until it has its last; asynchronous by the chunk, not by the packet. `false`: the bytes
   * ended before the first packet. Throws `PROTOCOL_BAD_FRAMING`, `PROTOCOL_TRUNCATED`, `PROTOCOL_LIMIT_EXCEEDED`,
   * and what the sink throws.
   */
  read(sink: PacketSink): Promise<boolean>;
  /** The raw bytes behind the last packet read, to the end of the source. The chunks belong to the receiver. */
  rest(): AsyncGenerator<Uint8Array, void, undefined>;
  release(): Promise<void>;
  /** Whether the source itself threw: the client is gone, there is nobody to tell. */
  readonly failed: boolean;
}

const lengthDigits = 4;
/** Packets handled before others get their turn: a few milliseconds. */
const packetsPerTurn = 8192;

/** Reads from `source` only while a caller waits, so that back-pressure reaches the client. */
export function openRequestInput(
  source: ByteSource,
  signal: AbortSignal,
  maxRequestBytes: number,
): RequestInput {
  const decoder = createPktDecoder();
  const bytes: AbortableSource = openSource(source, signal);

  return {
    async read(sink) {
      let requestBytes = 0;
      let packetCount = 0;
      for (;;) {
        for (;;) {
          const packet = nextPacket(decoder);
          if (packet === undefined) break;
          packetCount++;
          requestBytes += lengthDigits + (packet.type === "data" ? packet.bytes.length : 0);
          if (requestBytes > maxRequestBytes) {
            throw clientError("PROTOCOL_LIMIT_EXCEEDED", `request is longer than ${maxRequestBytes} bytes`);
          }
          if (sink.accept(packet)) return true;
          if (packetCount % packetsPerTurn === 0) await nextTurn();
        }
        const chunk = await bytes.next();
        if (chunk === undefined) {
          if (packetCount === 0) return false;
          throw clientError("PROTOCOL_TRUNCATED", "the remote end hung up unexpectedly");
        }
        decoder.push(chunk);
      }
    },
    async *rest() {
      const buffered = decoder.rest();
      if (buffered.length > 0) yield buffered;
      for (;;) {
        const chunk = await bytes.next();
        if (chunk === undefined) return;
        yield chunk;
      }
    },
    release: () => bytes.release(),
    get failed() {
      return bytes.failed;
    },
  };
}

function nextPacket(decoder: ReturnType<typeof createPktDecoder>): PktLine | undefined {
  try {
    return decoder.next();
  } catch (cause) {
    throw framingError(cause);
  }
}
