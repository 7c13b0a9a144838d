import { ProtocolError } from "@millrace/protocol-v2/client";
import { subscribe } from "@millrace/telemetry";
import { expect, it, onTestFinished } from "vitest";
import { createPromisor, openRemoteSource, openStoreCache, SharedPromisor } from "../src/index.ts";
import { createMemoryStorage } from "@millrace/storage";
import { idOf, packOf, remoteOf, whole } from "./support/hostile.ts";

const content = Buffer.from("some bytes\n");
const wanted = idOf("blob", content);

/** A server whose packs break off a few times, and how often it was asked. */
function breaking(
  times: number,
  transient: boolean,
): { remote: ReturnType<typeof remoteOf>; asked: () => number } {
  let asked = 0;
  const pack = packOf([whole(3, content)]);
  const remote = remoteOf(async function* () {
    const isBroken = asked++ < times;
    yield pack.subarray(0, 20);
    if (isBroken) throw new ProtocolError("PROTOCOL_UNREACHABLE", "the server hung up", { transient });
    yield pack.subarray(20);
  });
  return { remote, asked: () => asked };
}

it("a pack that breaks off is fetched again, and who listens is told", async () => {
  const told: object[] = [];
  onTestFinished(
    subscribe({ event: ({ name, metadata }) => name === "client.retry" && told.push(metadata) }),
  );
  const { remote, asked } = breaking(2, true);
  const { object } = await (await createPromisor(openRemoteSource(remote))).resolve(wanted);
  expect(Buffer.from(object.content).equals(content)).toBe(true);
  expect(asked()).toBe(3);
  expect(told).toEqual(
    Array.from({ length: 2 }, () => ({ operation: "fetch", fault: "PROTOCOL_UNREACHABLE" })),
  );
});

it("so is one that goes into a store", async () => {
  const { remote, asked } = breaking(1, true);
  const storage = createMemoryStorage();
  await using store = await storage.create("clone");
  await using cache = openStoreCache(store);
  const objects = new SharedPromisor(await createPromisor(openRemoteSource(remote)), { store: cache });
  expect(Buffer.from((await objects.resolve(wanted)).content).equals(content)).toBe(true);
  expect(asked()).toBe(2);
});

it.each([
  ["again and again", 9, true, 3],
  ["for good", 9, false, 1],
])("it is given up where it breaks off %s", async (_, times, transient, expected) => {
  const { remote, asked } = breaking(times, transient);
  const promisor = await createPromisor(openRemoteSource(remote));
  await expect(promisor.resolve(wanted)).rejects.toMatchObject({ code: "PROTOCOL_UNREACHABLE", transient });
  expect(promisor.isEmpty).toBe(true);
  expect(asked()).toBe(expected);
});
