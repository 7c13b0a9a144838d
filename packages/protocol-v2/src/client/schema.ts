import { z } from "zod";
import { sanitizeAgent } from "../agent.ts";

/** How a remote repository is talked to, and what its answers may cost. */
export interface RemoteOptions {
  /** What the client calls itself, `name/version`. Default `millrace`. */
  readonly agent?: string | undefined;
  /** An id for the server's logs. */
  readonly sessionId?: string | undefined;
  /** `git --server-option`, sent with every command. */
  readonly serverOptions?: readonly string[] | undefined;
  /** Attempts of a request that meets a transient fault. Default 4. */
  readonly attempts?: number | undefined;
  /** The longest wait before the second attempt, in milliseconds; it doubles from then on. Default 250. */
  readonly retryDelayMs?: number | undefined;
  /** The longest wait of all, whatever the server asks for, in milliseconds. Default 30,000. */
  readonly maxRetryDelayMs?: number | undefined;
  /** Refs that one listing may have. Default 1,000,000. */
  readonly maxRefs?: number | undefined;
  /** Lines of a fetch's answer before its pack. Default 1,000,000. */
  readonly maxAnswerLines?: number | undefined;
  /** Bytes of one pack. Default 16 GiB. */
  readonly maxPackBytes?: number | undefined;
}

/** The options with their defaults. */
export type FilledRemoteOptions = {
  readonly [Key in keyof RemoteOptions]-?: Key extends "sessionId"
    ? string | undefined
    : Exclude<RemoteOptions[Key], undefined>;
};

const count = z.number().int().positive();
const word = z.string().regex(/^[!-~]+$/);

export const RemoteOptions: z.ZodType<FilledRemoteOptions, RemoteOptions> = z.object({
  agent: z.string().min(1).default("millrace").transform(sanitizeAgent),
  sessionId: z.optional(word).transform((id) => id),
  serverOptions: z
    .array(z.string().regex(/^[^\n\0]*$/))
    .readonly()
    .default([]),
  attempts: count.default(4),
  retryDelayMs: count.default(250),
  maxRetryDelayMs: count.default(30_000),
  maxRefs: count.default(1_000_000),
  maxAnswerLines: count.default(1_000_000),
  maxPackBytes: count.default(16 * 1024 ** 3),
}) as z.ZodType<FilledRemoteOptions, RemoteOptions>;
