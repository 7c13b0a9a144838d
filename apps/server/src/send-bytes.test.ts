import { Writable } from "node:stream";
import { createChunkPool } from "@millrace/protocol-v2";
import { expect, it } from "vitest";
import { sendBytes } from "./send-bytes.ts";

/** A target whose writes go out when told to. */
function slowTarget(): { target: Writable; received: Buffer[]; next(error?: Error): void } {
  const received: Buffer[] = [];
  const waiting: ((error?: Error) => void)[] = [];
  const target = new Writable({
    write(chunk: Buffer, _encoding, done) {
      received.push(Buffer.from(chunk));
      waiting.push(done);
    },
  });
  target.on("error", () => {});
  return { target, received, next: (error) => waiting.shift()?.(error) };
}

/** Chunks that tell when they are asked for and whether they were left. */
function source(chunks: Uint8Array[]): {
  bytes: AsyncIterator<Uint8Array>;
  asked(): number;
  left(): boolean;
} {
  let asked = 0;
  let left = false;
  async function* give(): AsyncGenerator<Uint8Array> {
    try {
      for (const chunk of chunks) {
        asked++;
        yield chunk;
      }
    } finally {
      left = true;
    }
  }
  return { bytes: give(), asked: () => asked, left: () => left };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("asks for a large chunk when the one before has gone, and gives its buffer back only then", async () => {
  const chunks = createChunkPool();
  const given: Uint8Array[] = [];
  const pool = { take: chunks.take, give: (chunk: Uint8Array) => void given.push(chunk) };
  const large = [chunks.take(), chunks.take()];
  const { target, received, next } = slowTarget();
  const { bytes, asked, left } = source([new Uint8Array(5), ...large]);
  const sending = sendBytes(bytes, target, { chunks: pool, end: true });
  await turn();
  expect([asked(), given.length, received.length]).toEqual([2, 0, 1]);
  next();
  await turn();
  expect([asked(), given.length, received.length]).toEqual([2, 1, 2]);
  next();
  await turn();
  expect([asked(), given.at(-1) === large[0], received.length]).toEqual([3, true, 3]);
  next();
  await sending;
  expect([given.at(-1) === large[1], left(), target.writableFinished]).toEqual([true, true, true]);
  expect(target.listenerCount("close") + target.listenerCount("error")).toBe(1);
});

it("leaves the target open where it is to stay so", async () => {
  const { target, next } = slowTarget();
  const { bytes } = source([new Uint8Array(1)]);
  const sending = sendBytes(bytes, target, { chunks: createChunkPool(), end: false });
  await turn();
  next();
  await sending;
  expect([target.writableEnded, target.destroyed]).toEqual([false, false]);
});

it.each(["fails", "closes", "is closed already"])("leaves the chunks where the target %s", async (how) => {
  const chunks = createChunkPool();
  let given = 0;
  const pool = { take: chunks.take, give: () => given++ };
  const { target, next } = slowTarget();
  const { bytes, asked, left } = source([chunks.take(), chunks.take()]);
  if (how === "is closed already") target.destroy();
  const sending = sendBytes(bytes, target, { chunks: pool, end: true });
  const outcome = expect(sending).rejects.toThrow(
    how === "fails" ? "broken pipe" : "the other side has gone",
  );
  await turn();
  if (how === "fails") next(new Error("broken pipe"));
  if (how === "closes") target.destroy();
  await outcome;
  expect([asked(), left(), given]).toEqual([1, true, 0]);
});

it("throws what the chunks throw", async () => {
  const { target } = slowTarget();
  // oxlint-disable-next-line require-yield
  async function* broken(): AsyncGenerator<Uint8Array> {
    throw new Error("no more of this");
  }
  const sending = sendBytes(broken(), target, { chunks: createChunkPool(), end: true });
  await expect(sending).rejects.toThrow("no more of this");
  expect(target.writableEnded).toBe(false);
});
