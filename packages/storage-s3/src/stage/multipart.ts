import type { RandomAccess } from "@millrace/pack";
import type { Bucket, UploadedPart } from "../bucket/bucket.ts";

/** An upload that follows a growing file. */
export interface Multipart {
  /** Sends what has become whole parts, but for the first, whose start is not settled before the end. */
  follow(source: RandomAccess): void;
  /** Sends the rest and makes the file. Throws what any of its requests has thrown. */
  finish(source: RandomAccess): Promise<void>;
  /** Leaves nothing behind, as far as the store answers. */
  abort(): Promise<void>;
}

export interface MultipartOptions {
  readonly bucket: Bucket;
  readonly key: string;
  readonly partBytes: number;
  /** Parts under way at once, each of them in memory. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
}

/** S3 takes no more parts than that. */
const MAX_PARTS = 10_000;
/** Parts grow by one size after so many, so that the largest packs fit. */
const GROW_AFTER = 1000;

/** Prepares an upload; the store hears of it with the first bytes that follow. */
export function createMultipart({
  bucket,
  key,
  partBytes,
  concurrency,
  signal,
}: MultipartOptions): Multipart {
  const options = { signal };
  const parts: UploadedPart[] = [];
  const running = new Set<Promise<void>>();
  /** Where each part starts, without the last one's end. */
  const starts = [0, partBytes];
  let fault: { readonly error: unknown } | undefined;
  let upload: Promise<string> | undefined;
  let sender: Promise<void> | undefined;
  /** Where what is asked for ends. */
  let wanted = 0;
  let source: RandomAccess | undefined;
  let sent = 1;

  const id = (): Promise<string> => (upload ??= bucket.startUpload(key, options));

  const sizeOf = (index: number): number => partBytes * (1 + Math.floor(index / GROW_AFTER));

  const send = async (index: number, from: RandomAccess, start: number, end: number): Promise<void> => {
    const bytes = await from.read(start, end - start, options);
    parts.push(await bucket.putPart(key, await id(), index + 1, bytes, options));
  };

  /** Starts a part as soon as there is room for it. */
  const launch = async (index: number, from: RandomAccess, start: number, end: number): Promise<void> => {
    while (running.size >= concurrency) await Promise.race(running);
    if (fault !== undefined) return;
    const part = send(index, from, start, end)
      .catch((error: unknown) => {
        fault ??= { error };
      })
      .finally(() => running.delete(part));
    running.add(part);
  };

  /** One at a time goes through the parts in order. */
  const pump = async (): Promise<void> => {
    for (;;) {
      const start = starts[sent] as number;
      const end = start + sizeOf(sent);
      if (end > wanted || source === undefined || fault !== undefined) return;
      starts.push(end);
      await launch(sent++, source, start, end);
    }
  };

  const follow = (from: RandomAccess): void => {
    // The answer is there before the first part is.
    id().catch(() => undefined);
    source = from;
    wanted = from.sizeBytes;
    sender ??= pump().finally(() => {
      sender = undefined;
    });
  };

  return {
    follow,
    async finish(from) {
      follow(from);
      while (sender !== undefined) {
        await sender;
        // What came while the last part was launched.
        if ((starts[sent] as number) + sizeOf(sent) <= from.sizeBytes && fault === undefined) follow(from);
      }
      const start = starts[sent] as number;
      if (start < from.sizeBytes) await launch(sent, from, start, from.sizeBytes);
      await launch(0, from, 0, Math.min(partBytes, from.sizeBytes));
      await Promise.all(running);
      if (fault !== undefined) throw fault.error;
      if (parts.length > MAX_PARTS) throw new Error(`${key}: more than ${MAX_PARTS} parts`);
      parts.sort((a, b) => a.number - b.number);
      await bucket.completeUpload(key, await id(), parts, from.sizeBytes, options);
    },
    async abort() {
      await sender;
      await Promise.all(running);
      const started = await upload?.catch(() => undefined);
      if (started !== undefined) await bucket.abortUpload(key, started);
    },
  };
}
