import { describe, expect, it } from "vitest";
import { createByteHandover } from "./byte-handover.ts";

const settledNow = async (promise: Promise<unknown>): Promise<boolean> => {
  let settled = false;
  promise.then(
    () => {
      settled = true;
    },
    () => {
      settled = true;
    },
  );
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
};

describe("createByteHandover", () => {
  it("settles a write when the reader takes it", async () => {
    const handover = createByteHandover();
    const reader = handover.source[Symbol.asyncIterator]();
    const first = handover.write(Uint8Array.of(1));
    const second = handover.write(Uint8Array.of(2));
    expect(await settledNow(first)).toBe(false);
    expect((await reader.next()).value).toEqual(Uint8Array.of(1));
    expect(await settledNow(first)).toBe(true);
    expect(await settledNow(second)).toBe(false);
    handover.end();
    expect((await reader.next()).value).toEqual(Uint8Array.of(2));
    expect(await settledNow(second)).toBe(true);
    expect((await reader.next()).done).toBe(true);
    await handover.write(Uint8Array.of(3));
  });

  it("wakes a reader that waits, and passes over empty chunks", async () => {
    const handover = createByteHandover();
    const reader = handover.source[Symbol.asyncIterator]();
    const next = reader.next();
    await handover.write(new Uint8Array(0));
    void handover.write(Uint8Array.of(7));
    expect((await next).value).toEqual(Uint8Array.of(7));
  });

  it("settles every write when the reader leaves", async () => {
    const handover = createByteHandover();
    const reader = handover.source[Symbol.asyncIterator]();
    const writes = [handover.write(Uint8Array.of(1)), handover.write(Uint8Array.of(2))];
    await reader.next();
    await reader.return?.();
    await Promise.all(writes);
  });

  it("throws what it was made to fail with", async () => {
    const handover = createByteHandover();
    const before = handover.write(Uint8Array.of(1));
    handover.fail("gone");
    await expect(before).rejects.toBe("gone");
    await expect(handover.write(Uint8Array.of(1))).rejects.toBe("gone");
  });
});
