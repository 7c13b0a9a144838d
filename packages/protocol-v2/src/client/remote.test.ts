import fc from "fast-check";
import { subscribe } from "@millrace/telemetry";
import { describe, expect, it, onTestFinished } from "vitest";
import { packets } from "../../test/support/http-fixture.ts";
import { everything, type Script, scriptedTransport } from "../../test/support/scripted-transport.ts";
import { ProtocolError } from "../errors.ts";
import { isRefName } from "./ref-name.ts";
import { openRemote, type Remote } from "./remote.ts";
import type { RemoteOptions } from "./schema.ts";

const OID = "1234567890".repeat(4);
const OTHER = "abcdef0123".repeat(4);

function remote(script: Script, options: RemoteOptions = {}): Remote {
  return openRemote(scriptedTransport(script), { attempts: 1, ...options });
}

async function drain(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const refs = (...lines: string[]): Promise<unknown[]> =>
  drain(remote({ answers: [packets(...lines)] }).listRefs());
const fetched = (answers: Uint8Array[], options: RemoteOptions = {}) =>
  remote({ answers }, options).fetch({ wants: [OID] });

describe("a server's refs", () => {
  it("leaves out what no ref can be called", async () => {
    const names = [
      "refs/heads/../../../tmp/x",
      "../escape",
      "/absolute",
      "refs/heads/a:b",
      "refs/heads/a.lock",
    ];
    const evil = [
      ...names,
      "refs/heads/\u0001",
      "refs/heads/a\0b",
      "refs//heads",
      "refs/heads/.a",
      "refs/@{1}",
    ];
    const rejected: unknown[] = [];
    const unsubscribe = subscribe({
      event: ({ name }) => name === "client.ref_rejected" && rejected.push(name),
    });
    onTestFinished(unsubscribe);
    const found = await refs(...evil.map((name) => `${OID} ${name}`), `${OID} refs/heads/main`, "0000");
    expect(found).toEqual([
      { name: "refs/heads/main", oid: OID, symrefTarget: undefined, peeled: undefined },
    ]);
    expect(await refs(`${OID} HEAD symref-target:../../etc/passwd`, "0000")).toEqual([]);
    expect(rejected.length).toBe(evil.length + 1);
  });

  it("never takes a name that leads out of its folder", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        for (const name of [text, `refs/${text}`]) {
          if (!isRefName(name)) continue;
          const parts = name.split("/");
          expect(name.startsWith("refs/")).toBe(true);
          expect(parts.every((part) => part !== "" && !part.startsWith(".") && !part.endsWith(".lock"))).toBe(
            true,
          );
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ["no id", ["zz refs/heads/main", "0000"]],
    ["no name", [OID, "0000"]],
    ["a peeled id that is none", [`${OID} refs/tags/a peeled:12`, "0000"]],
    ["a mark in the middle", [`${OID} refs/heads/a`, "0001", "0000"]],
  ])("has %s", async (_, lines) => {
    await expect(refs(...lines)).rejects.toMatchObject({ code: "PROTOCOL_BAD_ANSWER" });
  });

  it("ends", async () => {
    await expect(refs(`${OID} refs/heads/main`)).rejects.toMatchObject({ code: "PROTOCOL_UNREACHABLE" });
    const many = packets(...Array.from({ length: 20 }, (_, n) => `${OID} refs/heads/${n}`), "0000");
    await expect(drain(remote({ answers: [many] }, { maxRefs: 19 }).listRefs())).rejects.toMatchObject({
      code: "PROTOCOL_LIMIT_EXCEEDED",
    });
  });

  it("may be an error", async () => {
    await expect(refs("ERR no\u0007 such thing")).rejects.toMatchObject({
      code: "PROTOCOL_REMOTE_FAILED",
      remoteMessage: "no? such thing",
    });
  });
});

describe("a server's capabilities", () => {
  const of = (...lines: string[]) => remote({ advertisement: packets(...lines) }).capabilities();

  it("are those of version 2, under HTTP's first line too", async () => {
    const told = await of("# service=git-upload-pack", "0000", "version 2", "agent=a b", "fetch=x y", "0000");
    expect(told).toMatchObject({ agent: "a b", objectFormat: "sha1", sessionId: undefined });
    expect(told.features("fetch")).toEqual(new Set(["x", "y"]));
    expect(told.features("constructor")).toBeUndefined();
  });

  it("have bounds", async () => {
    await expect(
      of("version 2", ...Array.from({ length: 2000 }, (_, n) => `c${n}`), "0000"),
    ).rejects.toMatchObject({
      code: "PROTOCOL_BAD_ANSWER",
    });
    await expect(of("version 2", "object-format=md5", "0000")).rejects.toMatchObject({
      code: "PROTOCOL_OBJECT_FORMAT",
    });
    await expect(of(`${OID} HEAD\0multi_ack`, "0000")).rejects.toMatchObject({
      code: "PROTOCOL_UNSUPPORTED",
    });
  });

  it("are asked for before something is asked that a server lacks", async () => {
    const plain = remote({ advertisement: packets("version 2", "fetch", "0000") });
    await expect(plain.fetch({ wants: [OID], filter: "blob:none" })).rejects.toMatchObject({
      code: "PROTOCOL_UNSUPPORTED",
    });
    await expect(plain.fetch({ wants: [OID], depth: 1 })).rejects.toMatchObject({
      code: "PROTOCOL_UNSUPPORTED",
    });
    await expect(plain.fetch({ wants: [], filter: "blob:none" })).rejects.toMatchObject({
      code: "PROTOCOL_BAD_REQUEST",
    });
    await expect(plain.fetch({ wants: [OID], filter: "blob:some" })).rejects.toMatchObject({
      code: "PACK_BAD_FILTER",
    });
    await expect(plain.objectSizes([OID])).rejects.toMatchObject({ code: "PROTOCOL_UNSUPPORTED" });
    await expect(drain(plain.listRefs())).rejects.toMatchObject({ code: "PROTOCOL_UNSUPPORTED" });
  });
});

describe("a server's pack", () => {
  const band = (number: number, text: string): string => String.fromCharCode(number) + text;

  it("comes behind what is told of it", async () => {
    const told: string[] = [];
    const answer = Buffer.concat([
      packets("acknowledgments", `ACK ${OTHER}`, "ready", "0001"),
      packets("shallow-info", `shallow ${OID}`, `unshallow ${OTHER}`, "0001"),
      packets("wanted-refs", `${OTHER} refs/heads/main`, "0001"),
      packets("packfile", band(1, "PA"), band(2, "50%"), band(1, "CK"), "0000"),
    ]);
    const got = await remote({ answers: [answer], chunkBytes: 1 }).fetch({
      wants: [OID],
      onProgress: (text) => told.push(text),
    });
    expect(got).toMatchObject({ acknowledged: [OTHER], shallow: [OID], unshallow: [OTHER] });
    expect(got.wantedRefs).toEqual(new Map([["refs/heads/main", OTHER]]));
    expect(Buffer.concat((await drain(got.pack)) as Buffer[]).toString()).toBe("PA\nCK\n");
    expect(told.join("")).toBe("50%\n");
  });

  it.each([
    [
      "the server's last words",
      ["packfile", band(1, "PACK"), band(3, "out of memory")],
      "PROTOCOL_REMOTE_FAILED",
    ],
    ["a band that is none", ["packfile", band(4, "PACK"), "0000"], "PROTOCOL_BAD_ANSWER"],
    ["no bands", ["packfile", "PACK\0\0\0\u0002\0\0\0\0", "0000"], "PROTOCOL_BAD_ANSWER"],
    ["a band without a number", ["packfile", "", "0000"], "PROTOCOL_BAD_ANSWER"],
    ["a mark among its bands", ["packfile", band(1, "PACK"), "0001"], "PROTOCOL_BAD_ANSWER"],
    ["an early end", ["packfile", band(1, "PACK")], "PROTOCOL_UNREACHABLE"],
  ])("may have %s", async (_, lines, code) => {
    await expect(drain((await fetched([packets(...lines)])).pack)).rejects.toMatchObject({ code });
  });

  it.each([
    ["nothing", ["0000"], "PROTOCOL_BAD_ANSWER"],
    ["an unknown section", ["constructor", "x", "0001"], "PROTOCOL_BAD_ANSWER"],
    ["an acknowledgment of nothing", ["acknowledgments", "ACK x", "0000"], "PROTOCOL_BAD_ANSWER"],
    ["no pack behind its words", ["acknowledgments", "NAK", "0000"], "PROTOCOL_BAD_ANSWER"],
    ["a line about no commit", ["shallow-info", "deep", "0001"], "PROTOCOL_BAD_ANSWER"],
    ["a ref without an id", ["wanted-refs", "refs/heads/main", "0001"], "PROTOCOL_BAD_ANSWER"],
  ])("may be %s", async (_, lines, code) => {
    await expect(fetched([packets(...lines)])).rejects.toMatchObject({ code });
  });

  it("has bounds", async () => {
    const long = packets("packfile", ...Array.from({ length: 50 }, () => band(1, "x".repeat(1000))), "0000");
    await expect(drain((await fetched([long], { maxPackBytes: 10_000 })).pack)).rejects.toMatchObject({
      code: "PROTOCOL_LIMIT_EXCEEDED",
    });
    const chatty = packets("shallow-info", ...Array.from({ length: 50 }, () => `shallow ${OID}`), "0000");
    await expect(fetched([chatty], { maxAnswerLines: 49 })).rejects.toMatchObject({
      code: "PROTOCOL_LIMIT_EXCEEDED",
    });
  });
});

describe("a push", () => {
  const head = (...features: string[]): Uint8Array =>
    packets(`${OID} refs/heads/main\0${features.join(" ")}`, `${OTHER} .have`, `shallow ${OTHER}`, "0000");
  const send = async (script: Script, more: object = {}) => {
    const push = await remote(script).openPush();
    const updates = [{ name: "refs/heads/main", from: OID, to: OTHER }];
    const pack = (async function* () {
      yield new Uint8Array(3);
    })();
    return push.send({ updates, pack, ...more });
  };

  it("begins with what the server has", async () => {
    const push = await remote({ advertisement: head("report-status") }).openPush();
    expect(push).toMatchObject({ haves: [OTHER], shallow: [OTHER], objectFormat: "sha1" });
    expect(push.refs).toEqual(new Map([["refs/heads/main", OID]]));
  });

  it.each([
    ["another ref", ["unpack ok", "ok refs/heads/other", "0000"], "PROTOCOL_BAD_ANSWER"],
    [
      "one ref twice",
      ["unpack ok", "ok refs/heads/main", "ok refs/heads/main", "0000"],
      "PROTOCOL_LIMIT_EXCEEDED",
    ],
    ["no pack", ["ok refs/heads/main", "0000"], "PROTOCOL_BAD_ANSWER"],
    ["nothing", [], "PROTOCOL_UNREACHABLE"],
  ])("may be reported as %s", async (_, lines, code) => {
    const script = { advertisement: head("report-status"), answers: [packets(...lines)] };
    await expect(send(script)).rejects.toMatchObject({ code });
  });

  it("asks for no more than the server has", async () => {
    const script = { advertisement: head("report-status") };
    await expect(send(script, { atomic: true })).rejects.toMatchObject({ code: "PROTOCOL_UNSUPPORTED" });
    await expect(send(script, { pushOptions: ["a"] })).rejects.toMatchObject({
      code: "PROTOCOL_UNSUPPORTED",
    });
    const bad = { updates: [{ name: "refs/heads/a..b", from: undefined, to: OID }] };
    await expect(send(script, bad)).rejects.toMatchObject({ code: "PROTOCOL_BAD_REQUEST" });
    await expect(send(script, { updates: [] })).rejects.toMatchObject({ code: "PROTOCOL_BAD_REQUEST" });
  });
});

describe("any answer whatsoever", () => {
  const lines = fc.oneof(
    fc.constantFrom(
      "0000",
      "0001",
      "packfile",
      "acknowledgments",
      "shallow-info",
      "wanted-refs",
      "NAK",
      "ready",
    ),
    fc.constantFrom(
      `${OID} refs/heads/main`,
      `ACK ${OID}`,
      `shallow ${OID}`,
      "\u0001PACK",
      "\u0003no",
      "size",
    ),
    fc.string(),
  );
  const bytes = fc.oneof(
    fc.array(lines, { maxLength: 12 }).map((some) => packets(...some)),
    fc.uint8Array({ maxLength: 60 }),
  );

  it("is read, or ends in an error of this package", async () => {
    await fc.assert(
      fc.asyncProperty(
        bytes,
        bytes,
        fc.integer({ min: 1, max: 70 }),
        async (advertised, answer, chunkBytes) => {
          for (const advertisement of [advertised, everything]) {
            const script = { advertisement, answers: [answer, answer, answer], chunkBytes };
            for (const ask of [
              async () => drain(remote(script).listRefs()),
              async () => drain((await remote(script).fetch({ wants: [OID] })).pack),
              async () => remote(script).objectSizes([OID]),
              async () => (await remote(script).openPush()).refs,
            ]) {
              await ask().catch((error: unknown) => expect(error).toBeInstanceOf(ProtocolError));
            }
          }
        },
      ),
      { numRuns: 600 },
    );
  });
});
