import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { GitHttp } from "../support/git-http.ts";
import { type MountedRepository, run, useLab, whyNot } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();
/** Fetches of which nobody waits for any that a hydrator has under way at once. */
const WORKERS = 8;
const numbered = (name: string, count: number, extension: string): string[] =>
  Array.from({ length: count }, (_, n) => `${name}-${String(n).padStart(3, "0")}${extension}`);
const SOURCES = numbered("many/file", 250, ".ts");
const PICTURES = numbered("many/image", 50, ".png");
/** Directories of three files, more than there are workers. */
const FEW = numbered("few", WORKERS + 1, "");

let server: GitHttp;
let mount: MountedRepository;
let oidOf: ReadonlyMap<string, string>;

beforeEach(async () => {
  if (whyNot() !== undefined) return;
  const origin = lab.keep(makeRepository());
  git(origin, ["config", "transfer.advertiseObjectInfo", "true"]);
  const few = FEW.flatMap((folder) => ["a", "b", "c"].map((name) => `${folder}/${name}`));
  for (const path of [...SOURCES, ...PICTURES, ...few]) {
    mkdirSync(join(origin, dirname(path)), { recursive: true });
    writeFileSync(join(origin, path), `${path}\n`);
  }
  git(origin, ["add", "."]);
  git(origin, ["commit", "-q", "-m", "many files"]);
  const listed = git(origin, ["ls-tree", "-r", "HEAD", "many", ...FEW]).matchAll(/ blob (\w+)\t(.*)/g);
  oidOf = new Map([...listed].map(([, oid = "", path = ""]) => [path, oid]));
  server = new GitHttp(dirname(origin));
  onTestFinished(async () => await server[Symbol.asyncDispose]());
  await server.start();
  mount = await lab.mountRepository(server.url(basename(origin)));
});

/** The files that each fetch has asked for, in the order of the fetches. */
function asked(): readonly (readonly string[])[] {
  const pathOf = new Map([...oidOf].map(([path, oid]) => [oid, path]));
  return server.fetches
    .map((body) => [...body.matchAll(/want (\w+)/g)].flatMap(([, oid = ""]) => pathOf.get(oid) ?? []))
    .filter((paths) => paths.length > 0);
}

const read = (...paths: readonly string[]): Promise<string> => run("cat", paths, { cwd: mount.directory });

test("whoever opens a file of a directory that was listed has up to 256 of them fetched ahead, likely ones first", async () => {
  await run("ls", ["many"], { cwd: mount.directory });
  expect(asked()).toEqual([]);
  const [first = ""] = SOURCES;
  expect(await read(first)).toBe(`${first}\n`);
  // It is one of those itself: it was on its way when they were chosen.
  const ahead = [...SOURCES, ...PICTURES].slice(0, 256);
  await expect.poll(() => mount.mounted.counts.fetched).toBe(256);
  expect(asked().flat().toSorted()).toEqual(ahead.toSorted());
  expect(asked()[0]).toEqual([first]);
  await server.kill();
  expect(await read(...ahead)).toBe(ahead.map((path) => `${path}\n`).join(""));
  await expect(read(PICTURES.at(-1)!)).rejects.toThrow("Input/output error");
});

test("a read overtakes what is fetched ahead, also the file that is queued for that", async () => {
  // Backwards: nobody walks over the tree like that.
  const opened = [SOURCES[0]!, ...FEW.toReversed().map((folder) => `${folder}/b`)];
  const raised = `${FEW[0]!}/c`;
  const apart = PICTURES.at(-1)!;
  const isRead = new Set([...opened, raised, apart]);
  const ahead = [...oidOf.keys()].filter((path) => !isRead.has(path));
  const isAhead = new Set(ahead);
  const oidsAhead = ahead.map((path) => oidOf.get(path)!);
  server.holds = (body) => oidsAhead.some((oid) => body.includes(oid));
  const held = (): readonly (readonly string[])[] =>
    asked().filter((paths) => paths.some((path) => isAhead.has(path)));
  await run("ls", ["many", ...FEW], { cwd: mount.directory });
  for (const [count, path] of opened.entries()) {
    expect(await read(path)).toBe(`${path}\n`);
    await expect.poll(() => held().length).toBe(Math.min(count + 1, WORKERS));
  }
  const before = asked().length;
  expect(await read(apart)).toBe(`${apart}\n`);
  expect(await read(raised)).toBe(`${raised}\n`);
  expect(asked().slice(before)).toEqual([[apart], [raised]]);
  expect(held()).toHaveLength(WORKERS);
  server.release();
  await expect
    .poll(() =>
      asked()
        .flat()
        .filter((path) => path.startsWith("few"))
        .toSorted(),
    )
    .toEqual([...oidOf.keys()].filter((path) => path.startsWith("few")).toSorted());
  const paths = asked().flat();
  expect(new Set(paths).size).toBe(paths.length);
  // Behind it what had been queued before.
  for (const path of [`${FEW[0]!}/a`, `${FEW[1]!}/a`, `${FEW[1]!}/c`])
    expect(paths.indexOf(raised)).toBeLessThan(paths.indexOf(path));
  expect(mount.faults).toEqual([]);
});
