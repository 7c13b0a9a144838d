import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDirectoryTransport, openRemote } from "@millrace/protocol-v2/client";
import { createMemoryStorage } from "@millrace/storage";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  createPromisor,
  type LogOptions,
  openRemoteSource,
  openStoreCache,
  openTree,
  SharedPromisor,
} from "../../src/index.ts";
import { countRequests } from "../support/counting-source.ts";
import { git } from "../support/repository.ts";

const seed = Number(process.env["MILLRACE_SEED"] ?? 11);
const PATHS = ["a", "d", "d/b", "d/e/c", "nowhere"] as const;

/** One commit: how far back its parents are, when it was made, and what it does to files. */
interface Step {
  readonly parents: readonly number[];
  readonly time: number;
  readonly changes: readonly { readonly path: string; readonly content: string }[];
}

const step: fc.Arbitrary<Step> = fc.record({
  parents: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
  // Few seconds, so that many are made in the same one, and children before their parents.
  time: fc.integer({ min: 0, max: 6 }),
  changes: fc.array(
    fc.record({
      path: fc.constantFrom("a", "d/b", "d/e/c", "other"),
      content: fc.constantFrom("one", "two", ""),
    }),
    { maxLength: 2 },
  ),
});

/** A repository of these commits; the last one is `main`. */
function build(path: string, steps: readonly Step[]): void {
  const lines: string[] = [];
  for (const [n, { parents, time, changes }] of steps.entries()) {
    const isLast = n === steps.length - 1;
    lines.push(`commit refs/heads/${isLast ? "main" : `c${n}`}`, `mark :${n + 1}`);
    lines.push(`committer C <c@example.com> ${1_700_000_000 + time} +0000`, "data 1", `c`);
    const marks = parents.map((back) => n + 1 - back).filter((mark) => mark > 0);
    // The last one has something behind it.
    const behind = marks.length === 0 && isLast && n > 0 ? [n] : marks;
    for (const [i, mark] of behind.entries()) lines.push(`${i === 0 ? "from" : "merge"} :${mark}`);
    for (const { path: file, content } of changes) {
      if (content === "") lines.push(`D ${file}`);
      else lines.push(`M 100644 inline ${file}`, `data ${content.length}`, content);
    }
  }
  git(path, ["fast-import", "--quiet", "--force"], `${lines.join("\n")}\ndone\n`);
}

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "millrace-log-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

let repositories = 0;
const create = (): string => {
  const path = join(root, `r${repositories++}.git`);
  git(root, ["init", "-q", "--bare", "-b", "main", path]);
  for (const key of ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"])
    git(path, ["config", key, "true"]);
  return path;
};

it("the log of a path has the commits that git has, in any history", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), fc.boolean(), async (steps, stores) => {
      const path = create();
      build(path, steps);
      await using remote = openRemote(openDirectoryTransport(path));
      const source = countRequests(openRemoteSource(remote));
      const store = stores ? openStoreCache(await createMemoryStorage().create("cache")) : undefined;
      const objects = new SharedPromisor(await createPromisor(source), { store });
      const view = await openTree({ objects, refs: remote }, "main");
      const log = async (options: LogOptions): Promise<string[]> => {
        const found: string[] = [];
        for await (const { oid } of view.log(options)) found.push(oid);
        return found;
      };
      for (const name of PATHS) {
        const theirs = git(path, ["log", "--format=%H", "main", "--", name]).split("\n").filter(Boolean);
        expect(await log({ path: name }), name).toEqual(theirs);
        expect(await log({ path: name, maxCount: 2 })).toEqual(theirs.slice(0, 2));
      }
      expect(await log({})).toEqual(git(path, ["log", "--format=%H", "main"]).split("\n"));
      // The tip with its trees, the history, and trees of commits that the first fetch of commits alone left out.
      expect(source.requests.length).toBeLessThanOrEqual(2);
    }),
    { seed, numRuns: 12 },
  );
});

it("a log is short where the history is, and needs no request for what is here", async () => {
  const path = create();
  const steps = Array.from({ length: 9 }, (_, n) => ({
    parents: [1],
    time: n,
    changes: [{ path: n % 3 === 0 ? "a" : "other", content: `${n}` }],
  }));
  build(path, steps);
  const shallow = join(root, "shallow.git");
  git(root, ["clone", "-q", "--bare", "--depth=4", `file://${path}`, shallow]);
  for (const key of ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"])
    git(shallow, ["config", key, "true"]);
  await using remote = openRemote(openDirectoryTransport(shallow));
  const source = countRequests(openRemoteSource(remote));
  const objects = new SharedPromisor(await createPromisor(source));
  const view = await openTree({ objects, refs: remote }, "main");
  for (const args of [{}, { path: "a" }, { path: "other" }]) {
    const found: string[] = [];
    for await (const { oid } of view.log(args)) found.push(oid);
    const pathspec = "path" in args ? ["--", args.path] : [];
    expect(found).toEqual(git(shallow, ["log", "--format=%H", "main", ...pathspec]).split("\n"));
  }
  const before = source.requests.length;
  for await (const { oid, commit } of view.log({ path: "a", maxCount: 1 })) {
    expect(Buffer.from(commit.message ?? []).toString()).toBe("c");
    expect(oid).toBe(git(shallow, ["log", "-1", "--format=%H", "main", "--", "a"]));
  }
  expect(source.requests.length).toBe(before);
});
