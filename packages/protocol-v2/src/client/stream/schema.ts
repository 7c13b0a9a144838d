import { z } from "zod";

/** Bounds of a conversation over a stream. */
export interface StreamTransportOptions {
  /** Silence of the server that ends a conversation, in milliseconds; 0 is never. Default 300,000. */
  readonly answerTimeoutMs?: number | undefined;
}

export const StreamTransportOptions: z.ZodType<{ readonly answerTimeoutMs: number }, StreamTransportOptions> =
  z.object({
    answerTimeoutMs: z
      .number()
      .int()
      .nonnegative()
      .max(2 ** 31 - 1)
      .default(300_000),
  });
