import type { Random } from "../support/random.ts";
import { type ScriptedHost, scriptedHost } from "../support/scripted-host.ts";

const oid = (digit: string): string => digit.repeat(40);

/** A host that has everything, and sometimes fails at it. */
export interface MoodyHost extends ScriptedHost {
  /** Packs that were begun and neither ended nor returned. */
  readonly openPacks: number;
}

export function createMoodyHost(random: Random, failing: number): MoodyHost {
  let openPacks = 0;
  const mood = async (): Promise<void> => {
    if (random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve));
    if (!random.chance(failing)) return;
    const words = random.chance(0.5)
      ? { clientMessage: "not\u0007 today" }
      : { code: "PACK_OBJECT_NOT_FOUND", oid: oid("a") };
    throw Object.assign(new Error("host failed"), words);
  };
  const some = async (oids: readonly string[]): Promise<readonly boolean[]> => {
    await mood();
    return oids.map((each) => !each.startsWith("c"));
  };
  const host = scriptedHost({
    policy: {
      filters: true,
      refInWant: true,
      sidebandAll: true,
      pushOptions: true,
      sessionId: "fuzz",
      wants: random.pick(["advertised", "tips", "reachable", "any"]),
      reachableOnly: random.chance(0.3),
      refuseFilter: ({ kind }) => (kind === "sparse:oid" ? "no" : undefined),
    },
    async *listRefs() {
      await mood();
      yield { name: "HEAD", oid: oid("a"), symref: "refs/heads/main" };
      yield { name: "refs/heads/main", oid: oid("a") };
      yield { name: "refs/tags/v1", oid: oid("d"), peeled: oid("b") };
    },
    hasObjects: some,
    areReachable: some,
    async reachesCommon(_, common) {
      await mood();
      return common.length > 1;
    },
    async shallowRoots() {
      await mood();
      return random.chance(0.2) ? [oid("e")] : [];
    },
    async deepen({ clientShallow }) {
      await mood();
      return { shallow: [oid("f")], unshallow: clientShallow };
    },
    async objectSizes(oids) {
      await mood();
      return oids.map((each) => (each.startsWith("a") ? 12 : undefined));
    },
    async *alternateTips() {
      await mood();
      yield oid("e");
    },
    async *createPack(request) {
      openPacks++;
      try {
        await mood();
        request.onProgress?.({ phase: "enumerating", objects: 2, done: true });
        yield Buffer.from("PACK");
        await mood();
        yield new Uint8Array(random.below(2000));
        request.onProgress?.({ phase: "total", objects: 2, deltas: 0, reused: 0, reusedDeltas: 0 });
      } finally {
        openPacks--;
      }
    },
    async receive(request) {
      let size = 0;
      for await (const chunk of request.pack ?? []) if ((size += chunk.length) >= 32) break;
      await mood();
      return { refs: request.commands.map(({ name }) => ({ name })), messages: ["taken"] };
    },
  });
  return Object.defineProperty(host, "openPacks", { get: () => openPacks }) as MoodyHost;
}
