import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bandOf, collect, packets, readPackets } from "../../test/support/packets.ts";
import { cut, deferred, scriptedHost } from "../../test/support/scripted-host.ts";
import type { ProtocolError } from "../errors.ts";
import type { ReceivePackPolicy, ReceiveRequest } from "../host.ts";
import { serveReceivePack } from "./serve.ts";

const zero = "0".repeat(40);
const id = "a".repeat(40);
const create = `${zero} ${id} refs/heads/x`;
const remove = `${id} ${zero} refs/heads/x`;
const plain = "\0report-status";
const banded = "\0report-status side-band-64k";
const pack = Buffer.from("PACK, or so");

/** Reads a pack of known length and then stops, as a host that knows where packs end does. */
const readingHost = (length: number, seen: ReceiveRequest[] = []): ReturnType<typeof scriptedHost> =>
  scriptedHost({
    async receive(request) {
      seen.push(request);
      let read = "";
      for await (const chunk of request.pack ?? []) {
        read += Buffer.from(chunk).toString();
        if (read.length >= length) break;
      }
      return {
        refs: request.commands.map(({ name }) => ({ name })),
        messages: [`read ${read.slice(0, length)}`],
      };
    },
  });

describe("the request", () => {
  it("reaches the host as it was sent", async () => {
    const seen: ReceiveRequest[] = [];
    const second = `${id} ${"b".repeat(40)} refs/heads/y`;
    const input = Buffer.concat([packets(`${create}${banded} atomic`, second, "0000"), pack]);
    const answer = await collect(serveReceivePack(readingHost(pack.length, seen), [input]));
    expect(seen).toMatchObject([
      {
        atomic: true,
        commands: [
          { name: "refs/heads/x", old: null, new: id },
          { name: "refs/heads/y", old: id, new: "b".repeat(40) },
        ],
      },
    ]);
    expect(bandOf(readPackets(answer), 2).toString()).toBe(`read ${pack.toString()}\n`);
  });

  it("carries what the client says besides", async () => {
    const seen: ReceiveRequest[] = [];
    const words = " push-options session-id=y agent=git/x report-status-v2";
    const shallow = Array.from({ length: 2 }, () => `shallow ${id}`);
    const request = packets(...shallow, `${remove}${plain}${words}`, "0000", "a=b\n", "c d", "0000");
    const push = (policy: ReceivePackPolicy): Promise<Buffer> =>
      collect(serveReceivePack({ ...readingHost(0, seen), policy }, [request]));
    await push({ pushOptions: true });
    const client = { agent: "git/x", sessionId: "y" };
    expect(seen).toMatchObject([{ clientShallow: [id], pushOptions: ["a=b", "c d"], client }]);
    await push({});
    expect(seen[1]?.pushOptions).toBeUndefined();
  });

  it("carries no pack where it only deletes", async () => {
    const seen: ReceiveRequest[] = [];
    const answer = await collect(
      serveReceivePack(readingHost(0, seen), [packets(`${remove}${plain}`, "0000")]),
    );
    expect(seen[0]?.pack).toBeUndefined();
    expect(answer.toString()).toBe("000eunpack ok\n0014ok refs/heads/x\n0000");
  });

  it("is not atomic where that was not offered", async () => {
    const seen: ReceiveRequest[] = [];
    await collect(
      serveReceivePack(readingHost(0, seen), [packets(`${remove}${plain} atomic`, "0000")], {
        atomic: false,
      }),
    );
    expect(seen[0]?.atomic).toBe(false);
  });

  it("does not wait for the client to close behind the pack", async () => {
    const left = deferred();
    async function* open(): AsyncGenerator<Uint8Array> {
      try {
        yield Buffer.concat([packets(`${create}${plain}`, "0000"), pack.subarray(0, 3)]);
        yield pack.subarray(3);
        await new Promise(() => undefined);
      } finally {
        left.resolve();
      }
    }
    const answer = await collect(serveReceivePack(readingHost(pack.length), open()));
    expect(answer.toString()).toContain("ok refs/heads/x\n");
    await left.promise;
  });

  it("comes behind the advertisement where the conversation has a state", async () => {
    const answer = await collect(serveReceivePack(scriptedHost(), [packets("0000")], { stateless: false }));
    expect(answer.toString()).toMatch(
      /^....0{40} capabilities\^\{\}\0report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta object-format=sha1 agent=millrace\n0000$/,
    );
  });
});

describe("the report", () => {
  const reporting = (host: ReturnType<typeof scriptedHost>, capabilities: string): Promise<Buffer> =>
    collect(serveReceivePack(host, [Buffer.concat([packets(`${create}${capabilities}`, "0000"), pack])]));

  it("holds a reason for every ref of a pack that was not taken", async () => {
    const host = scriptedHost({
      async receive() {
        return { unpackError: "index-pack abnormal exit", refs: [] };
      },
    });
    expect(readPackets(await reporting(host, plain)).map(String)).toEqual([
      "unpack index-pack abnormal exit\n",
      "ng refs/heads/x unpacker error\n",
      "0000",
    ]);
  });

  it("never says ok of a ref the host did not speak of", async () => {
    const host = scriptedHost({
      async receive() {
        return { refs: [] };
      },
    });
    expect((await reporting(host, plain)).toString()).toContain("ng refs/heads/x ");
  });

  it("says in version 2 what a command did where that is not what it asked for", async () => {
    const host = scriptedHost({
      async receive(request) {
        const landed = { name: "refs/heads/y", old: id, new: null, forced: true };
        return { refs: request.commands.map(({ name }) => ({ name, landed })) };
      },
    });
    expect(readPackets(await reporting(host, `${plain} report-status-v2`)).map(String)).toEqual([
      "unpack ok\n",
      "ok refs/heads/x\n",
      "option refname refs/heads/y\n",
      `option old-oid ${id}\n`,
      `option new-oid ${zero}\n`,
      "option forced-update\n",
      "0000",
    ]);
    expect(readPackets(await reporting(host, plain))).toHaveLength(3);
  });

  it("does not let words of others break its lines", async () => {
    const host = scriptedHost({
      async receive(request) {
        return { refs: request.commands.map(({ name }) => ({ name, error: "hook said\nok refs/heads/x" })) };
      },
    });
    expect((await reporting(host, plain)).toString()).toContain(
      "ng refs/heads/x hook said?ok refs/heads/x\n",
    );
  });

  it("is not given for a fault of the store, whose outcome nobody knows", async () => {
    const host = scriptedHost({
      async receive() {
        throw new Error("bucket of acme-corp timed out");
      },
    });
    const answer = await reporting(host, banded);
    expect(bandOf(readPackets(answer), 3).toString()).toBe("receive-pack: internal error");
    expect(answer.toString()).not.toContain("unpack");
    expect((await reporting(host, plain)).toString().slice(4)).toBe("ERR receive-pack: internal error");
  });
});

describe("what the user sees", () => {
  const resolving = scriptedHost({
    async receive(request) {
      for (let deltas = 0; deltas <= 2; deltas++) {
        request.onProgress?.({ phase: "resolving", deltas, total: 2 });
        await Promise.resolve();
      }
      return { refs: request.commands.map(({ name }) => ({ name })) };
    },
  });
  const shown = async (capabilities: string): Promise<string> =>
    bandOf(
      readPackets(await collect(serveReceivePack(resolving, [packets(`${create}${capabilities}`, "0000")]))),
      2,
    ).toString();

  it("is the resolving of deltas", async () => {
    expect(await shown(banded)).toBe(
      "Resolving deltas:   0% (0/2)\rResolving deltas:  50% (1/2)\rResolving deltas: 100% (2/2)\rResolving deltas: 100% (2/2), done.\n",
    );
  });

  it("is nothing where the client wants quiet", async () => {
    expect(await shown(`${banded} quiet`)).toBe("");
  });

  it("comes with signs of life once the pack is here, and only then", async () => {
    const gate = deferred();
    const host = scriptedHost({
      async receive(request) {
        for await (const _ of request.pack ?? []);
        await gate.promise;
        return { refs: [] };
      },
    });
    const more = deferred<Uint8Array>();
    async function* input(): AsyncGenerator<Uint8Array> {
      yield packets(`${create}${banded}`, "0000");
      yield await more.promise;
    }
    const answer = serveReceivePack(host, input(), { keepAliveMs: 1 })[Symbol.asyncIterator]();
    const first = answer.next();
    let early = true;
    void first.then(() => {
      expect(early).toBe(false);
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    early = false;
    more.resolve(pack);
    expect(Buffer.from((await first).value ?? []).toString()).toBe("0005\u0002");
    gate.resolve();
    await collect({ [Symbol.asyncIterator]: () => answer });
  });
});

describe("leaving and aborting", () => {
  it("tells the host when the reader leaves, and waits for it", async () => {
    const events: string[] = [];
    const host = scriptedHost({
      receive(request) {
        request.onProgress?.({ phase: "resolving", deltas: 0, total: 2 });
        return new Promise((_, reject) => {
          request.signal?.addEventListener("abort", () => {
            events.push("aborted");
            setImmediate(() => {
              events.push("stopped");
              reject(new Error("stopped"));
            });
          });
        });
      },
    });
    for await (const _ of serveReceivePack(host, [packets(`${remove}${banded}`, "0000")])) break;
    expect(events).toEqual(["aborted", "stopped"]);
  });

  it("throws the signal's reason", async () => {
    const stop = new AbortController();
    const answer = collect(
      serveReceivePack(
        readingHost(1000),
        (async function* () {
          yield packets(`${create}${banded}`, "0000");
          stop.abort(new Error("enough"));
          yield pack;
        })(),
        { signal: stop.signal },
      ),
    );
    await expect(answer).rejects.toThrow("enough");
  });

  it("throws what the input throws in the middle of a pack", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield packets(`${create}${banded}`, "0000");
      throw new Error("ECONNRESET");
    }
    await expect(collect(serveReceivePack(readingHost(1000), broken()))).rejects.toThrow("ECONNRESET");
  });
});

describe("any bytes", () => {
  it("cut anywhere give the same answer", async () => {
    const second = `${id} ${"b".repeat(40)} refs/heads/y`;
    const request = Buffer.concat([packets(`${create}${banded}`, second, "0000"), pack]);
    const expected = await collect(serveReceivePack(readingHost(pack.length), [request]));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(request.length), { maxLength: 30 }), async (places) => {
        const answer = await collect(serveReceivePack(readingHost(pack.length), cut(request, places)));
        expect(answer.equals(expected)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it("end in an answer or in an error that has a code", async () => {
    const line = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.constantFrom(
        "0000",
        "0001",
        `${create}${banded}`,
        `${remove}${plain}`,
        create,
        `shallow ${id}`,
        "shallow x",
      ),
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
      fc.array(line, { maxLength: 12 }).map((lines) => packets(...lines)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (input) => {
        const errors: ProtocolError[] = [];
        const answer = await collect(
          serveReceivePack(readingHost(1000), [input], { onError: (error) => errors.push(error) }),
        );
        readPackets(answer);
        for (const error of errors) {
          expect(error.code).toMatch(/^PROTOCOL_/);
          expect(error.clientMessage).not.toMatch(/\p{Cc}/u);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("bounds the refs of a push", async () => {
    const errors: ProtocolError[] = [];
    const request = packets(...[1, 2, 3].map((n) => `${zero} ${id} refs/heads/${n}`), "0000");
    await collect(
      serveReceivePack(scriptedHost(), [request], { maxCommands: 2, onError: (error) => errors.push(error) }),
    );
    expect(errors).toMatchObject([{ code: "PROTOCOL_LIMIT_EXCEEDED" }]);
  });
});
