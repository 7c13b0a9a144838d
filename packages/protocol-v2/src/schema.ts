import { z } from "zod";
import type { ProtocolError } from "./errors.ts";
import type { ProtocolVersion } from "./protocol-version.ts";
import type { ChunkPool } from "./stream/chunk-pool.ts";

/** What both services take. */
export interface ServiceOptions {
  /** The version the client asked for, see `parseProtocolVersion`. Default 0. */
  readonly version?: ProtocolVersion | undefined;
  /** What the server calls itself, `name/version`; other than printable ASCII becomes `.`. Default `millrace`. */
  readonly agent?: string | undefined;
  /** Ends the conversation; its output then throws `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Where large answers get their buffers from; whoever sends an answer gives them back. Default: fresh ones. */
  readonly chunks?: ChunkPool | undefined;
}

/** Options of an advertisement. */
export interface AdvertiseOptions extends ServiceOptions {
  /** Answers `GET info/refs`: where the version asks for it the service is named first. Default false. */
  readonly http?: boolean | undefined;
}

/** What a conversation takes beside. */
export interface ConversationOptions extends ServiceOptions {
  /** One request and no advertisement, as in an HTTP POST; else the advertisement and then requests. Default true. */
  readonly stateless?: boolean | undefined;
  /** Bytes of pkt-lines in one request, a pushed pack not counted. Default 64 MiB. */
  readonly maxRequestBytes?: number | undefined;
  /** Silence behind which an empty packet is sent while the host works, in milliseconds; 0 is never. Default 5000. */
  readonly keepAliveMs?: number | undefined;
  /**
   * Told of an error that the client was told of, or would have been; the output then ends in good order.
   * A caller with an exit status sets it here.
   */
  readonly onError?: ((error: ProtocolError) => void) | undefined;
}

/** Options of `serveUploadPack`. */
export interface UploadPackOptions extends ConversationOptions {
  /** Objects one request may want. Default 1,000,000. */
  readonly maxWants?: number | undefined;
}

/** Options of `advertiseReceivePack`. */
export interface ReceivePackAdvertiseOptions extends AdvertiseOptions {
  /** Whether the repository moves several refs in one step. Default true. */
  readonly atomic?: boolean | undefined;
}

/** Options of `serveReceivePack` and `openReceivePack`. */
export interface ReceivePackOptions extends ConversationOptions {
  /** Whether the repository moves several refs in one step. Default true. */
  readonly atomic?: boolean | undefined;
  /** Refs one push may name. Default 1,000,000. */
  readonly maxCommands?: number | undefined;
}

const callback = <T>(): z.ZodType<T, T> => z.custom<T>((value) => typeof value === "function");
const service = {
  version: z.union([z.literal(0), z.literal(1), z.literal(2)]).default(0),
  agent: z.string().min(1).default("millrace"),
  signal: z.instanceof(AbortSignal).optional(),
  chunks: z.custom<ChunkPool>((value) => typeof value === "object" && value !== null).optional(),
};
const conversation = {
  ...service,
  stateless: z.boolean().default(true),
  maxRequestBytes: z
    .number()
    .int()
    .positive()
    .default(64 * 1024 * 1024),
  keepAliveMs: z.number().int().nonnegative().max(2_147_483_647).default(5000),
  onError: callback<(error: ProtocolError) => void>().optional(),
};

/** `Options` with its defaults filled in. */
type Filled<Options, Key extends keyof Options> = Options & {
  readonly [K in Key]-?: Exclude<Options[K], undefined>;
};

type ServiceKeys = "version" | "agent";
type ConversationKeys = ServiceKeys | "stateless" | "maxRequestBytes" | "keepAliveMs";

export type FilledAdvertiseOptions = Filled<AdvertiseOptions, ServiceKeys | "http">;
export type FilledUploadPackOptions = Filled<UploadPackOptions, ConversationKeys | "maxWants">;
export type FilledReceivePackAdvertiseOptions = Filled<
  ReceivePackAdvertiseOptions,
  ServiceKeys | "http" | "atomic"
>;
export type FilledReceivePackOptions = Filled<
  ReceivePackOptions,
  ConversationKeys | "atomic" | "maxCommands"
>;

export const AdvertiseOptions: z.ZodType<FilledAdvertiseOptions, AdvertiseOptions> = z.object({
  ...service,
  http: z.boolean().default(false),
});
export const UploadPackOptions: z.ZodType<FilledUploadPackOptions, UploadPackOptions> = z.object({
  ...conversation,
  maxWants: z.number().int().positive().default(1_000_000),
});
export const ReceivePackAdvertiseOptions: z.ZodType<
  FilledReceivePackAdvertiseOptions,
  ReceivePackAdvertiseOptions
> = z.object({
  ...service,
  http: z.boolean().default(false),
  atomic: z.boolean().default(true),
});
export const ReceivePackOptions: z.ZodType<FilledReceivePackOptions, ReceivePackOptions> = z.object({
  ...conversation,
  atomic: z.boolean().default(true),
  maxCommands: z.number().int().positive().default(1_000_000),
});
