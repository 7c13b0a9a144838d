import { deflateSync } from "node:zlib";
import { createHasher, encodeEntryHeader, encodePackHeader, hashObject } from "@millrace/pack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ReceivePolicy, type ReceiveReport, type Repository, openRepository } from "../../src/index.ts";
import { createMemoryStorage } from "@millrace/storage";
import { chunksOf, copyToMemory, withView } from "./memory-repository.ts";
import { type GitRepository, createGitRepository, fastImportStream } from "./real-git.ts";

const shapes = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 4, maxLength: 30 });

interface Command {
  readonly name: string;
  readonly old: string | null;
  readonly new: string | null;
}

async function push(
  repository: Repository,
  commands: Command[],
  pack?: Uint8Array,
  { atomic = false, ...policy }: ReceivePolicy & { readonly atomic?: boolean } = {},
): Promise<ReceiveReport> {
  const receiver = await repository.openReceiver({ policy });
  try {
    return await receiver.receive({
      commands,
      atomic,
      pack: pack === undefined ? undefined : chunksOf(pack, 1000),
    });
  } finally {
    await receiver[Symbol.asyncDispose]();
  }
}

async function refsOf(repository: Repository): Promise<Record<string, string>> {
  return withView(repository, async (view) => {
    const refs: Record<string, string> = {};
    for await (const { name, oid } of view.listRefs()) refs[name] = oid;
    return refs;
  });
}

/** A repository in memory that has one commit of a generated history, and the history itself. */
async function withPartOf(
  shape: readonly number[],
  fn: (source: GitRepository, repository: Repository, from: string, to: string) => Promise<void>,
): Promise<void> {
  const source = createGitRepository();
  try {
    source.run(["fast-import", "--quiet"], fastImportStream(shape));
    const commits = source.text(["rev-list", "--all", "--topo-order"]).split("\n");
    const from = commits[Math.floor(commits.length / 2)]!;
    const to = commits[0]!;
    const repository = openRepository(await createMemoryStorage().create("part.git"));
    const pack = source.run(["pack-objects", "--revs", "--stdout", "-q"], `${from}\n`);
    const report = await push(repository, [{ name: "refs/heads/main", old: null, new: from }], pack);
    expect(report.refs[0]?.error).toBeUndefined();
    await fn(source, repository, from, to);
  } finally {
    source.remove();
  }
}

describe("a push", () => {
  it("may bring a thin pack, and what it brings can be fetched again", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(shapes, (shape) =>
        withPartOf(shape, async (source, repository, from, to) => {
          const thin = source.run(
            ["pack-objects", "--revs", "--thin", "--stdout", "-q", "--delta-base-offset"],
            `${to}\n^${from}\n`,
          );
          const report = await push(repository, [{ name: "refs/heads/next", old: null, new: to }], thin);
          expect(report).toMatchObject({ refs: [{ name: "refs/heads/next", error: undefined }] });
          const back = createGitRepository();
          try {
            const pack = await withView(repository, async (view) => {
              const chunks: Uint8Array[] = [];
              const request = {
                wants: [to, from],
                haves: [],
                thinPack: false,
                ofsDelta: true,
                includeTag: false,
              };
              for await (const chunk of view.createPack(request)) chunks.push(chunk);
              return Buffer.concat(chunks);
            });
            back.run(["index-pack", "--stdin", "--strict"], pack);
            expect(back.text(["rev-list", "--objects", to, from])).toBe(
              source.text(["rev-list", "--objects", to, from]),
            );
          } finally {
            back.remove();
          }
        }),
      ),
      { numRuns: 10, endOnFailure: true },
    );
  });

  it("is refused just when git would find an object missing", { timeout: 600_000 }, async () => {
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(shapes, fc.nat(), (shape, pick) =>
        withPartOf(shape, async (source, repository, from, to) => {
          const objects = source
            .text(["rev-list", "--objects", "--no-object-names", to, `^${from}`])
            .split("\n")
            .filter(Boolean);
          if (objects.length === 0) return;
          const left = objects.filter((_, i) => i !== pick % objects.length);
          const pack = source.run(["pack-objects", "--stdout", "-q"], `${left.join("\n")}\n`);
          const oracle = createGitRepository();
          try {
            oracle.run(
              ["index-pack", "--stdin"],
              source.run(["pack-objects", "--revs", "--stdout", "-q"], `${from}\n`),
            );
            oracle.run(["update-ref", "refs/heads/main", from]);
            if (left.length > 0) oracle.run(["index-pack", "--stdin", "--fix-thin"], pack);
            const accepts = isConnected(oracle, to);
            const report = await push(repository, [{ name: "refs/heads/next", old: null, new: to }], pack);
            expect(report.refs[0]?.error === undefined).toBe(accepts);
            if (accepts) return;
            refused++;
            expect(report.refs[0]?.error).toBe("missing necessary objects");
            expect(Object.keys(await refsOf(repository))).toEqual(["HEAD", "refs/heads/main"]);
          } finally {
            oracle.remove();
          }
        }),
      ),
      { numRuns: 30, endOnFailure: true },
    );
    expect(refused).toBeGreaterThan(5);
  });

  it("moves what it may and tells the rest in git's words", async () => {
    const source = createGitRepository();
    try {
      source.run(["fast-import", "--quiet"], fastImportStream([1, 2, 3, 4, 5, 6]));
      const repository = await copyToMemory(source);
      const before = await refsOf(repository);
      const tip = before["refs/heads/b1"]!;
      const other = before["refs/heads/b2"]!;
      const blob = source.text(["rev-parse", `${tip}^{tree}`]);
      const commands = [
        { name: "refs/heads/fine", old: null, new: tip },
        { name: "refs/heads/b1", old: other, new: other },
        { name: "refs/heads/b1/below", old: null, new: tip },
        { name: "refs/heads/..", old: null, new: tip },
        { name: "HEAD", old: null, new: tip },
        { name: "refs/heads/tree", old: null, new: blob },
        { name: "refs/heads/nothing", old: null, new: "1".repeat(40) },
        { name: "refs/heads/gone", old: null, new: null },
      ];
      const report = await push(repository, commands);
      expect(report.refs.map(({ error }) => error)).toEqual([
        undefined,
        "failed to update ref",
        "failed to update ref",
        "funny refname",
        "funny refname",
        "failed to update ref",
        "missing necessary objects",
        undefined,
      ]);
      expect(report.messages).toContain("warning: deleting a non-existent ref");
      expect(await refsOf(repository)).toEqual({ ...before, "refs/heads/fine": tip });
    } finally {
      source.remove();
    }
  });

  it("is held to what the policy says a pack may cost", async () => {
    const source = createGitRepository();
    try {
      const lines = (count: number): string =>
        Array.from({ length: count }, (_, i) => `line ${i}\n`).join("");
      const file = (count: number): string =>
        `M 100644 inline f\ndata ${lines(count).length}\n${lines(count)}\n`;
      const commit = `commit refs/heads/main\ncommitter C <c@example.com> 1 +0000\ndata 1\nx\n`;
      source.run(["fast-import", "--quiet"], [300, 301, 302, 303].map((n) => commit + file(n)).join(""));
      const tip = source.text(["rev-parse", "main"]);
      const pack = source.run([
        "pack-objects",
        "--all",
        "--stdout",
        "-q",
        "--depth=3",
        "--no-reuse-delta",
        "--window=1",
      ]);
      const sizeBytes = lines(303).length;
      const outcome = async (policy: ReceivePolicy): Promise<string> => {
        const repository = openRepository(await createMemoryStorage().create("bounded.git"));
        const report = await push(
          repository,
          [{ name: "refs/heads/main", old: null, new: tip }],
          pack,
          policy,
        );
        return report.unpackError === undefined ? "ok" : report.messages.join();
      };
      const kept: ReceivePolicy[] = [
        {},
        { maxObjectBytes: sizeBytes, maxDeltaBytes: sizeBytes, maxDeltaDepth: 3 },
        { maxMetadataBytes: 200, maxMadeBytes: 2 ** 20 },
      ];
      for (const policy of kept) expect(await outcome(policy)).toBe("ok");
      const broken: ReceivePolicy[] = [
        { maxPackBytes: 100 },
        { maxObjectBytes: sizeBytes - 1 },
        { maxDeltaBytes: sizeBytes - 1 },
        { maxMetadataBytes: 100 },
      ];
      for (const policy of broken) expect(await outcome(policy)).toMatch(/^fatal: .*(?:limit|maximum)/);
    } finally {
      source.remove();
    }
  });

  it("may bring deltas as deep as git packs them, and no deeper", async () => {
    for (const [depth, unpackError, told] of [
      [4095, undefined, "bad object 1{40}"],
      [4096, "index-pack abnormal exit", "delta at offset \\d+: more than 4095 deltas on each other"],
    ] as const) {
      const repository = openRepository(await createMemoryStorage().create("deep.git"));
      const command = { name: "refs/heads/main", old: null, new: "1".repeat(40) };
      const report = await push(repository, [command], deepPack(depth));
      expect(report.unpackError).toBe(unpackError);
      expect(report.messages.join()).toMatch(new RegExp(`^fatal: ${told}$`));
    }
  });

  it("moves nothing where one ref of an atomic push is refused", async () => {
    const source = createGitRepository();
    try {
      source.run(["fast-import", "--quiet"], fastImportStream([1, 2, 3, 4]));
      const repository = await copyToMemory(source);
      const before = await refsOf(repository);
      const tip = before["refs/heads/b1"]!;
      const stale = await push(
        repository,
        [
          { name: "refs/heads/x", old: null, new: tip },
          { name: "refs/heads/b1", old: "2".repeat(40), new: tip },
        ],
        undefined,
        { atomic: true },
      );
      expect(stale.refs.map(({ error }) => error)).toEqual([
        "atomic transaction failed",
        "atomic transaction failed",
      ]);
      const funny = await push(
        repository,
        [
          { name: "refs/heads/x", old: null, new: tip },
          { name: "refs/heads/a..b", old: null, new: tip },
        ],
        undefined,
        { atomic: true },
      );
      expect(funny.refs.map(({ error }) => error)).toEqual(["atomic push failure", "funny refname"]);
      expect(await refsOf(repository)).toEqual(before);
    } finally {
      source.remove();
    }
  });
});

/** A blob of one byte and as many deltas, each with one byte more than the one before it, which is its base. */
function deepPack(depth: number): Uint8Array {
  const entries: Uint8Array[] = [encodeEntryHeader(3, 1), deflateSync("x")];
  for (let bytes = 1; bytes <= depth; bytes++) {
    const base = hashObject("sha1", "blob", Buffer.alloc(bytes, "x"));
    const sizes = [bytes, bytes + 1].flatMap((size) => [(size & 127) | 128, size >> 7]);
    const delta = Uint8Array.from([...sizes, 0x80 | 0x30, bytes & 255, bytes >> 8, 1, 0x78]);
    entries.push(encodeEntryHeader(7, delta.length, base), deflateSync(delta));
  }
  const body = Buffer.concat([encodePackHeader(depth + 1), ...entries]);
  const hasher = createHasher("sha1");
  hasher.update(body);
  return Buffer.concat([body, hasher.digest()]);
}

function isConnected(repository: GitRepository, tip: string): boolean {
  try {
    repository.run(["rev-list", "--objects", "--quiet", tip, "--not", "--all"]);
    return true;
  } catch {
    return false;
  }
}
