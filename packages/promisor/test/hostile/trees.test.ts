import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PackError } from "@millrace/pack";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createPromisor,
  diffTrees,
  openRemoteSource,
  openTree,
  openWorkspace,
  PromisorError,
  SharedPromisor,
} from "../../src/index.ts";
import { packOf, remoteOf } from "../support/hostile.ts";
import { git } from "../support/repository.ts";

const FILE = "100644";
const FOLDER = "40000";
const LINK = "120000";

/** A cache that has what it is given, before a server that has nothing. */
async function cache(): Promise<SharedPromisor> {
  return new SharedPromisor(await createPromisor(openRemoteSource(remoteOf(() => packOf([])))));
}

/** A tree as it is written, whatever its entries are. */
function putTree(
  objects: SharedPromisor,
  ...entries: readonly [mode: string, name: Uint8Array | string, oid: string][]
): string {
  const parts = entries.map(([mode, name, oid]) =>
    Buffer.concat([Buffer.from(`${mode} `), Buffer.from(name), Buffer.from([0]), Buffer.from(oid, "hex")]),
  );
  return objects.put("tree", Buffer.concat(parts));
}

/** Trees in each other, so many, with a file in the last one. */
function putNest(objects: SharedPromisor, depth: number, content: string): string {
  let tree = putTree(objects, [FILE, "f", objects.put("blob", Buffer.from(content))]);
  for (let i = 0; i < depth; i++) tree = putTree(objects, [FOLDER, "d", tree]);
  return tree;
}

async function drain(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of items) count++;
  return count;
}

describe("names in trees", () => {
  let root: string;
  let blob: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "millrace-names-"));
    git(root, ["init", "-q"]);
    blob = git(root, ["hash-object", "-w", "--stdin"], "x");
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  /** The names that git would take into its index on any system, in hex. */
  function takenByGit(mode: string, all: readonly Buffer[]): Set<string> {
    const env = { PATH: process.env["PATH"], GIT_INDEX_FILE: join(root, `index-${mode}`) };
    const guards = ["-c", "core.protectHFS=true", "-c", "core.protectNTFS=true"];
    const lines = all.flatMap((name) => [Buffer.from(`${mode} ${blob}\t`), name, Buffer.from([0])]);
    spawnSync("git", [...guards, "update-index", "-z", "--index-info"], {
      cwd: root,
      env,
      input: Buffer.concat(lines),
    });
    const { stdout } = spawnSync("git", ["ls-files", "-z"], { cwd: root, env });
    return new Set(
      stdout
        .toString("latin1")
        .split("\0")
        .map((name) => Buffer.from(name, "latin1").toString("hex")),
    );
  }

  async function isTaken(mode: string, name: Buffer): Promise<boolean> {
    const objects = await cache();
    const view = await openTree({ objects }, putTree(objects, [mode, name, blob]));
    try {
      await view.list();
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: "PROMISOR_BAD_TREE" });
      return false;
    }
  }

  const names: readonly (string | Buffer)[] = [
    "..",
    ".",
    ".git",
    ".GIT",
    ".Git",
    "git~1",
    "GIT~1",
    ".git ",
    ".git. .",
    ".git::$INDEX_ALLOCATION",
    ".git:stream",
    "a\\.git",
    "a\\git~1\\b",
    ".git\\config",
    ".g\u200cit",
    "\u206a.git",
    ".gi\ufefft",
    Buffer.from("2e676974ff", "hex"),
    ".gitmodules",
    ".GitModules",
    "gitmod~1",
    "gi7eba~1",
    "a\\.gitmodules",
    ".gitm\u200codules",
    ".gitattributes",
    ".github",
    "git~2",
    "git~10",
    "..a",
    "...",
    ".git-x",
    "a\\b",
    "a:b",
    "-x",
    " ",
    "\u212aelvin",
    Buffer.from("fffe", "hex"),
  ];

  it("are those that git would take, of files and of links", async () => {
    const all = names.map((name) => Buffer.from(name));
    for (const mode of [FILE, LINK]) {
      const theirs = takenByGit(mode, all);
      for (const name of all) {
        const what = `${mode} ${JSON.stringify(name.toString())}`;
        expect(await isTaken(mode, name), what).toBe(theirs.has(name.toString("hex")));
      }
    }
  });

  it.each(["", "a/b", "/absolute", "../../etc/passwd", "a/"])("are never %j", async (name) => {
    const objects = await cache();
    const bad = putTree(objects, [FILE, name, blob]);
    const good = putTree(objects, [FILE, "fine", blob]);
    const above = putTree(objects, [FOLDER, "folder", bad]);
    const bothWays = [diffTrees(objects, good, bad), diffTrees(objects, bad, good)];
    for (const changes of bothWays)
      await expect(drain(changes)).rejects.toMatchObject({ code: "PROMISOR_BAD_TREE" });
    const view = await openTree({ objects }, above);
    for (const read of [
      () => view.list("folder"),
      () => view.readFile("folder/x"),
      () => drain(view.walk()),
      () => view.glob("**"),
      () => drain(view.grep({ pattern: "x" })),
      () => view.prefetch(),
    ]) {
      await expect(read()).rejects.toMatchObject({ code: "PROMISOR_BAD_TREE" });
    }
    const workspace = await openWorkspace({ objects }, above);
    await expect(workspace.write("folder/other", "x")).rejects.toMatchObject({ code: "PROMISOR_BAD_TREE" });
  });

  it("may be any bytes, and end in a typed error or in a list", async () => {
    const objects = await cache();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.boolean(), async (bytes, isFramed) => {
        const content = isFramed ? Buffer.concat([Buffer.from(`${FILE} `), bytes]) : bytes;
        const view = await openTree({ objects }, objects.put("tree", content));
        await view
          .list()
          .catch((error: unknown) => expect(error).toMatchObject({ code: "PROMISOR_BAD_TREE" }));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("trees in trees", () => {
  it("end where they nest deeper than any path goes", async () => {
    const objects = await cache();
    const deep = putNest(objects, 10_000, "x");
    const other = putNest(objects, 10_000, "y");
    const view = await openTree({ objects }, deep);
    for (const read of [
      () => drain(view.walk()),
      () => view.glob("**/f"),
      () => drain(view.grep({ pattern: "x" })),
      () => view.prefetch(),
      () => drain(diffTrees(objects, deep, other)),
    ]) {
      await expect(read()).rejects.toMatchObject({ code: "PROMISOR_BAD_TREE" });
    }
  });

  it("may nest deeper than most do", async () => {
    const objects = await cache();
    const [deep, other] = [putNest(objects, 1000, "x"), putNest(objects, 1000, "y")];
    expect(await drain((await openTree({ objects }, deep)).grep({ pattern: "x" }))).toBe(1);
    expect(await drain(diffTrees(objects, deep, other))).toBe(1);
  });

  it("are trees", async () => {
    const objects = await cache();
    const blob = objects.put("blob", Buffer.from("x"));
    const tree = putTree(objects, [FOLDER, "d", blob]);
    await expect(drain((await openTree({ objects }, tree)).walk())).rejects.toMatchObject({
      code: "PROMISOR_BAD_TREE",
    });
    const empty = putTree(objects);
    await expect(drain(diffTrees(objects, empty, tree))).rejects.toMatchObject({ code: "PROMISOR_BAD_TREE" });
  });

  it("hold as many changes as there are, and tell them one by one", async () => {
    const objects = await cache();
    const blob = objects.put("blob", Buffer.from("x"));
    const wide = putTree(
      objects,
      ...Array.from({ length: 50_000 }, (_, n) => [FILE, `f${n}`, blob] as const).map(
        ([mode, name, oid]): [string, string, string] => [mode, name, oid],
      ),
    );
    let count = 0;
    for await (const { change } of diffTrees(objects, putTree(objects), wide)) {
      expect(change).toBe("added");
      if (++count === 10) break;
    }
    expect(count).toBe(10);
  });
});

describe("names that lead to what is none", () => {
  const oid = "a".repeat(40);
  const person = "A <a@example.com> 0 +0000";
  it.each([
    ["commit", `tree ${"z".repeat(40)}\nauthor ${person}\ncommitter ${person}\n\n`],
    ["commit", `tree 12345678\nauthor ${person}\ncommitter ${person}\n\n`],
    ["commit", `parent ${oid}\n\n`],
    ["commit", ""],
    ["tag", `object ${"g".repeat(40)}\ntype commit\ntag t\ntagger ${person}\n\n`],
    ["tag", `object ${oid.slice(1)}\ntype commit\ntag t\n\n`],
    ["tag", "tag t\n\n"],
  ] as const)("end in a typed error: a %s of %j", async (type, content) => {
    const objects = await cache();
    const id = objects.put(type, Buffer.from(content));
    const error = await openTree({ objects }, id).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PackError);
    expect(error).toMatchObject({ code: "PACK_BAD_OBJECT" });
    await expect(openWorkspace({ objects }, id)).rejects.toMatchObject({ code: "PACK_BAD_OBJECT" });
  });

  it("end where tags lead to tags without end, or to what never comes", async () => {
    const objects = await cache();
    let target = objects.put("blob", Buffer.from("x"));
    const chain: string[] = [];
    for (let n = 0; n < 40; n++) {
      target = objects.put("tag", Buffer.from(`object ${target}\ntype tag\ntag t${n}\ntagger ${person}\n\n`));
      chain.push(target);
    }
    await expect(openTree({ objects }, target)).rejects.toMatchObject({ code: "PROMISOR_WRONG_KIND" });
    await expect(openTree({ objects }, chain[3]!)).rejects.toMatchObject({ code: "PROMISOR_WRONG_KIND" });
    await expect(openTree({ objects }, oid)).rejects.toMatchObject({ code: "PROMISOR_OBJECT_MISSING" });
  });

  it("are told as unknown where no ref could have them", async () => {
    const objects = await cache();
    const refs = { listRefs: async function* () {} };
    for (const name of [
      "../../etc/passwd",
      "refs/heads/../x",
      "/absolute",
      "a\0b",
      "a\nb",
      "foo:bar",
      "@{-1}",
      "-x",
    ]) {
      await expect(openTree({ objects, refs }, name), name).rejects.toBeInstanceOf(PromisorError);
    }
  });

  it("of any bytes are commits and tags, or typed errors", async () => {
    const objects = await cache();
    const text = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: "binary" }).map((line) => Buffer.from(`tree ${oid}\n${line}\n`)),
    );
    await fc.assert(
      fc.asyncProperty(text, fc.constantFrom("commit" as const, "tag" as const), async (bytes, type) => {
        await openTree({ objects }, objects.put(type, bytes)).catch((error: unknown) =>
          expect((error as { code?: string }).code).toMatch(/^PACK_BAD_OBJECT$|^PROMISOR_/),
        );
      }),
      { numRuns: 1000 },
    );
  });
});
