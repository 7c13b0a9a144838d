import { expect, it } from "vitest";
import { collect, packets, readPackets } from "../../../test/support/packets.ts";
import { deferred, scriptedHost } from "../../../test/support/scripted-host.ts";
import type { DeepenRequest, PackRequest, RefRequest } from "../../host.ts";
import { serveUploadPack } from "../serve.ts";

const oid = (digit: string): string => digit.repeat(40);
const options = { version: 2 } as const;
const policy = { filters: true, refInWant: true, sidebandAll: true, sessionId: "x" };

it("hands on what the client wants and says", async () => {
  const deepened: DeepenRequest[] = [];
  const seen: PackRequest[] = [];
  const host = scriptedHost({
    policy,
    hasObjects: async (oids) => oids.map((each) => each !== oid("c")),
    async *listRefs() {
      yield { name: "refs/heads/main", oid: oid("b") };
    },
    async deepen(request) {
      deepened.push(request);
      return { shallow: [oid("d")], unshallow: [] };
    },
    async *createPack(request) {
      seen.push(request);
      yield new Uint8Array(1);
    },
  });
  const keys = ["command=fetch", "agent=git/x", "session-id=y", "server-option=a", "server-option=b=c"];
  const lines = [
    `want ${oid("a")}`,
    "want-ref refs/heads/main",
    `shallow ${oid("c")}`,
    `shallow ${oid("e")}`,
  ];
  const depth = ["deepen-since 17", "deepen-not v1", "deepen-not v2", "filter blob:limit=1k"];
  await collect(
    serveUploadPack(host, [packets(...keys, "0001", ...lines, ...depth, "done", "0000")], options),
  );
  const wants = [oid("a"), oid("b")];
  const clientShallow = [oid("e")];
  expect(deepened).toMatchObject([{ wants, clientShallow, depth: undefined, since: 17, not: ["v1", "v2"] }]);
  expect(seen).toMatchObject([
    {
      wants,
      clientShallow,
      shallowUpdate: { shallow: [oid("d")], unshallow: [] },
      filter: { kind: "blob:limit", bytes: 1024 },
      client: { agent: "git/x", sessionId: "y", serverOptions: ["a", "b=c"] },
    },
  ]);
});

it("begins each request of a conversation anew", async () => {
  const host = scriptedHost({ policy, hasObjects: async (oids) => oids.map(() => false) });
  const first = packets("command=fetch", "0001", "sideband-all", "wait-for-done", `have ${oid("a")}`, "0000");
  const second = packets("command=fetch", "0001", `want ${oid("b")}`, "done", "0000");
  const answer = await collect(serveUploadPack(host, [first, second], { ...options, stateless: false }));
  expect(readPackets(answer).slice(-4).map(String)).toEqual([
    "\u0001acknowledgments\n",
    "\u0001NAK\n",
    "0000",
    `ERR upload-pack: not our ref ${oid("b")}`,
  ]);
});

it("shows signs of life while it looks, where the whole answer travels on bands", async () => {
  const gate = deferred();
  const host = scriptedHost({
    policy,
    async hasObjects(oids) {
      await gate.promise;
      return oids.map(() => true);
    },
  });
  const request = packets("command=fetch", "0001", "sideband-all", `want ${oid("a")}`, "done", "0000");
  const answer = serveUploadPack(host, [request], { ...options, keepAliveMs: 1 })[Symbol.asyncIterator]();
  expect(String(Buffer.from((await answer.next()).value ?? []))).toBe("0005\u0002");
  expect(String(Buffer.from((await answer.next()).value ?? []))).toBe("0005\u0002");
  gate.resolve();
  const rest = await collect({ [Symbol.asyncIterator]: () => answer });
  expect(rest.toString().replaceAll("0005\u0002", "")).toContain("\u0001packfile\n");
});

it("reads few refs for few names, and all for many", async () => {
  const asked: (readonly string[] | undefined)[] = [];
  const host = scriptedHost({
    policy,
    async *listRefs(request?: RefRequest) {
      asked.push(request?.prefixes);
      yield { name: "HEAD", oid: oid("a") };
    },
  });
  for (const count of [2, 300]) {
    const names = Array.from({ length: count }, (_, n) => `want-ref refs/${n}`);
    await collect(
      serveUploadPack(host, [packets("command=fetch", "0001", ...names, "done", "0000")], options),
    );
  }
  expect(asked).toEqual([["refs/0", "refs/1"], undefined]);
});
