import { describe, expect, it } from "vitest";
import { collect, packets } from "../../test/support/packets.ts";
import { deferred, scriptedHost } from "../../test/support/scripted-host.ts";
import { openReceivePack } from "./open.ts";

const zero = "0".repeat(40);
const id = "a".repeat(40);
const commands = packets(`${zero} ${id} refs/heads/x\0report-status`, "0000");

describe("openReceivePack", () => {
  it("takes a push in writes, before its answer is read", async () => {
    let read = 0;
    const host = scriptedHost({
      async receive(request) {
        for await (const chunk of request.pack ?? []) read += chunk.length;
        return { refs: request.commands.map(({ name }) => ({ name })) };
      },
    });
    const session = openReceivePack(host);
    await session.write(commands.subarray(0, 10));
    await session.write(commands.subarray(10));
    for (let count = 0; count < 5; count++) await session.write(new Uint8Array(1000));
    await session.end();
    expect((await collect(session.output)).toString()).toBe("000eunpack ok\n0014ok refs/heads/x\n0000");
    expect(read).toBe(5000);
  });

  it("makes a write wait until the host wants more", async () => {
    const gate = deferred();
    const host = scriptedHost({
      async receive(request) {
        for await (const _ of request.pack ?? []) await gate.promise;
        return { refs: [] };
      },
    });
    const session = openReceivePack(host);
    await session.write(commands);
    await session.write(new Uint8Array(10));
    let taken = false;
    const write = session.write(new Uint8Array(10)).then(() => {
      taken = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toBe(false);
    gate.resolve();
    await write;
    await session.end();
    await collect(session.output);
  });

  it("lets writes pass once the push is over", async () => {
    const host = scriptedHost({
      async receive(request) {
        for await (const _ of request.pack ?? []) break;
        return { unpackError: "too big", refs: [] };
      },
    });
    const session = openReceivePack(host);
    await session.write(commands);
    for (let count = 0; count < 5; count++) await session.write(new Uint8Array(10));
    await session.end();
    expect((await collect(session.output)).toString()).toContain("unpack too big\n");
  });

  it("throws the reason of an abort at both ends", async () => {
    const session = openReceivePack(scriptedHost());
    const write = session.write(commands.subarray(0, 10));
    await write;
    const output = collect(session.output);
    session.abort(new Error("enough"));
    await expect(output).rejects.toThrow("enough");
    await expect(session.write(commands)).rejects.toThrow("enough");
  });

  it("gives the push up when its reader leaves", async () => {
    const stopped = deferred();
    const host = scriptedHost({
      receive(request) {
        request.onProgress?.({ phase: "resolving", deltas: 0, total: 1 });
        return new Promise((_, reject) => {
          request.signal?.addEventListener("abort", () => {
            stopped.resolve();
            reject(new Error("stopped"));
          });
        });
      },
    });
    const session = openReceivePack(host);
    await session.write(packets(`${id} ${zero} refs/heads/x\0report-status side-band-64k`, "0000"));
    for await (const _ of session.output) break;
    await stopped.promise;
  });

  it("holds back a push whose answer nobody reads", async () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `refs/heads/${"n".repeat(40)}${index}`);
    const session = openReceivePack(scriptedHost());
    const [first = "", ...others] = names.map((name) => `${id} ${zero} ${name}`);
    await session.write(packets(`${first}\0report-status`, ...others, "0000"));
    await session.end();
    const answer = (await collect(session.output)).toString();
    expect(answer.match(/ok refs/g)).toHaveLength(20_000);
  });
});
