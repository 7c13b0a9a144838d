import { subscribe } from "@millrace/telemetry";
import { afterEach, expect, it } from "vitest";
import { collect, packets } from "../test/support/packets.ts";
import { scriptedHost } from "../test/support/scripted-host.ts";
import { serveReceivePack, serveUploadPack } from "./index.ts";

const oid = (digit: string): string => digit.repeat(40);
const heard: unknown[] = [];
let unsubscribe = (): void => undefined;
const listen = (): void => {
  const tell = ({
    name,
    measurements,
    metadata,
  }: {
    name: string;
    measurements: object;
    metadata: object;
  }): void => void heard.push([name, { ...measurements, ...metadata }]);
  unsubscribe = subscribe({ stop: tell, error: tell });
};
afterEach(() => {
  unsubscribe();
  heard.length = 0;
});

it("ls-refs tells how many refs", async () => {
  const host = scriptedHost({
    async *listRefs() {
      yield { name: "refs/heads/a", oid: oid("a") };
      yield { name: "refs/heads/b", oid: oid("b") };
    },
  });
  listen();
  await collect(serveUploadPack(host, [packets("command=ls-refs", "0000")], { version: 2 }));
  expect(heard).toEqual([["upload_pack.ls_refs", { ref_count: 2 }]]);
});

it("fetch tells of wants, haves and the pack", async () => {
  const host = scriptedHost({
    async *createPack(request) {
      yield new Uint8Array(1000);
      request.onProgress?.({ phase: "total", objects: 3, deltas: 0, reused: 0, reusedDeltas: 0 });
    },
  });
  const request = packets("command=fetch", "0001", `want ${oid("a")}`, `have ${oid("b")}`, "done", "0000");
  listen();
  await collect(serveUploadPack(host, [request], { version: 2 }));
  expect(heard).toEqual([
    ["upload_pack.fetch", { want_count: 1, have_count: 1, object_count: 3, pack_size: 1000 }],
  ]);
});

it("a push tells of commands, pack and outcome", async () => {
  const host = scriptedHost({
    async receive(request) {
      for await (const _ of request.pack ?? []);
      return { refs: [{ name: "refs/heads/a" }, { name: "refs/heads/b", error: "no" }] };
    },
  });
  const commands = ["a", "b"].map((name) => `${oid("0")} ${oid("a")} refs/heads/${name}`);
  listen();
  await collect(serveReceivePack(host, [Buffer.concat([packets(...commands, "0000"), Buffer.alloc(500)])]));
  expect(heard).toEqual([
    ["receive_pack", { command_count: 2, rejected_count: 1, pack_size: 500, outcome: "partial" }],
  ]);
});

it("a fetch of version 0 tells the same, and of the refs before", async () => {
  const host = scriptedHost({
    policy: { wants: "any" },
    async *listRefs() {
      yield { name: "refs/heads/a", oid: oid("a") };
    },
  });
  const request = packets(`want ${oid("a")}`, "0000", `have ${oid("b")}`, `have ${oid("c")}`, "done");
  listen();
  await collect(serveUploadPack(host, [request], { stateless: false }));
  expect(heard).toEqual([
    ["upload_pack.ls_refs", { ref_count: 1 }],
    ["upload_pack.fetch", { want_count: 1, have_count: 2, pack_size: 4 }],
  ]);
});
