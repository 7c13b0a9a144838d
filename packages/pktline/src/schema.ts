import { z } from "zod";
import type { ProgressQueue } from "./sideband/progress-queue.ts";

/** Bytes of the longest packet git reads or writes, its four length digits included (gitprotocol-common). */
export const MAX_PACKET_BYTES = 65_520;
/** Payload bytes of such a packet. */
export const MAX_PAYLOAD_BYTES = 65_516;
/** Data bytes of a full packet of `side-band-64k`: the band takes one more. */
export const SIDEBAND_64K_DATA_BYTES = 65_515;
/** Data bytes of a full packet of the old `side-band`, whose packets have 1,000 bytes in all. */
export const SIDEBAND_DATA_BYTES = 995;

/** Options of `createPktDecoder`. */
export interface PktDecoderOptions {
  /** Longest packet to accept, its four digits included. Default, and at most, 65,520. */
  readonly maxPacketBytes?: number | undefined;
}
export const PktDecoderOptions: z.ZodType<PktDecoderOptions> = z.object({
  maxPacketBytes: z.number().int().min(4).max(MAX_PACKET_BYTES).optional(),
});

/** Options of `createPktReader`. */
export interface PktReaderOptions extends PktDecoderOptions {
  /** Ends waiting for the source; the reader then throws `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}
export const PktReaderOptions: z.ZodType<PktReaderOptions> = z.object({
  maxPacketBytes: z.number().int().min(4).max(MAX_PACKET_BYTES).optional(),
  signal: z.instanceof(AbortSignal).optional(),
});

/** Options of `createSidebandWriter`. */
export interface SidebandWriterOptions {
  /** Data bytes of a full packet: 65,515 for `side-band-64k` (the default), 995 for `side-band`. */
  readonly maxDataBytes?: number | undefined;
}
export const SidebandWriterOptions: z.ZodType<SidebandWriterOptions> = z.object({
  maxDataBytes: z.number().int().min(1).max(SIDEBAND_64K_DATA_BYTES).optional(),
});

/** Options of `muxSideband`. */
export interface MuxOptions extends SidebandWriterOptions {
  /** After so long without a packet an empty one is sent; 0 or absent: never. */
  readonly keepAliveMs?: number | undefined;
  /** The band of that packet: 1, the default, as upload-pack does, or 2 as receive-pack. */
  readonly keepAliveBand?: 1 | 2 | undefined;
  /** Texts for band 2. Sent as they come while the source is waited for, before the chunk that they came before. */
  readonly progress?: ProgressQueue | undefined;
  /** Ends waiting for the source; the loop then throws `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}
export const MuxOptions: z.ZodType<MuxOptions> = z.object({
  maxDataBytes: z.number().int().min(1).max(SIDEBAND_64K_DATA_BYTES).optional(),
  keepAliveMs: z.number().min(0).max(0x7fffffff).optional(),
  keepAliveBand: z.literal([1, 2]).optional(),
  progress: z.custom<ProgressQueue>((value) => typeof value === "object" && value !== null).optional(),
  signal: z.instanceof(AbortSignal).optional(),
});

/** Options of `demuxSideband`. */
export interface DemuxOptions {
  /** Called with each text of band 2, as it comes: a line may come in parts. */
  readonly onProgress?: ((text: string) => void) | undefined;
  /** Ends waiting for a source that is no reader; the loop then throws `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}
export const DemuxOptions: z.ZodType<DemuxOptions> = z.object({
  onProgress: z.custom<(text: string) => void>((value) => typeof value === "function").optional(),
  signal: z.instanceof(AbortSignal).optional(),
});
