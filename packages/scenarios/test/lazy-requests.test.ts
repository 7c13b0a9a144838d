import { join } from "node:path";
import { createPromisor, openRemoteSource, openTree, SharedPromisor } from "@millrace/promisor";
import { openHttpTransport, openRemote, tellAll } from "@millrace/protocol-v2/client";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { defaultEndpoint, httpS3 } from "../src/endpoints.ts";
import { git } from "../src/git.ts";
import { startGitHttpBackend } from "../src/git-http-backend.ts";
import { type RequestCounter, startRequestCounter } from "../src/request-counter.ts";
import { createScratch, type Scratch } from "../src/scratch.ts";
import { startSubtractingServer } from "../src/subtracting-server.ts";

interface Site extends AsyncDisposable {
  readonly url: string;
}

const SUBTRACTING = "a server that never sends what a have reaches";
const SETTINGS = ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"];

async function mirror(source: string, served: string): Promise<void> {
  await git(["clone", "--quiet", "--mirror", source, served]);
  for (const key of SETTINGS) await git(["config", key, "true"], { cwd: served });
}

/** Servers of one repository, `history.git`. */
const sites: Readonly<Record<string, (scratch: Scratch, source: string) => Promise<Site>>> = {
  async "git http-backend"(scratch, source) {
    await mirror(source, join(scratch.path, "served", "history.git"));
    return startGitHttpBackend(join(scratch.path, "served"));
  },
  async [SUBTRACTING](scratch, source) {
    await mirror(source, join(scratch.path, "served", "history.git"));
    return startSubtractingServer(join(scratch.path, "served"));
  },
  async "our server over a disk"(_, source) {
    const endpoint = await defaultEndpoint.open();
    await mirror(source, endpoint.directory?.("history.git") ?? "");
    return { url: endpoint.url(""), [Symbol.asyncDispose]: () => endpoint[Symbol.asyncDispose]() };
  },
  async "our server over a bucket"(_, source) {
    const endpoint = await httpS3.open();
    const config = SETTINGS.map((key) => ({ key: key.toLowerCase(), value: "true" }));
    await endpoint.createEmpty("history.git", "master", "sha1", config);
    await git(["push", "--quiet", endpoint.url("history.git"), "HEAD:refs/heads/master"], { cwd: source });
    return { url: endpoint.url(""), [Symbol.asyncDispose]: () => endpoint[Symbol.asyncDispose]() };
  },
};

/** Many files in many folders, each changed once, for `git fast-import`. */
function* wideHistory(): Generator<string> {
  for (let i = 0; i < 40; i++) {
    yield `commit refs/heads/master\nmark :${i + 1}\ncommitter C <c@example.com> ${1_600_000_000 + i * 60} +0000\ndata 2\nc\n\n`;
    if (i > 0) yield `from :${i}\n`;
    for (let file = 0; file < 75; file++) {
      const content = `${i} ${file}\nneedle ${i * file}\n`;
      yield `M 100644 inline d${i % 6}/e${i}/f${file}\ndata ${content.length}\n${content}\n`;
    }
  }
  yield "done\n";
}

/** What reading costs from an empty cache; MILLRACE_HISTORY names a repository or bundle to take in place of the own one. */
describe.each(Object.keys(sites))("a lazy reader's requests to %s", (name) => {
  let scratch: Scratch;
  let source: string;
  let site: Site | undefined;
  let missing: string | undefined;
  let counter: RequestCounter;

  beforeAll(async () => {
    scratch = await createScratch();
    source = join(scratch.path, "source.git");
    missing = name.endsWith("bucket") ? await httpS3.missing?.() : undefined;
    if (missing !== undefined) return;
    const given = process.env.MILLRACE_HISTORY;
    if (given === undefined) {
      await git(["init", "--bare", "--quiet", "--initial-branch=master", source]);
      await git(["fast-import", "--quiet"], { cwd: source, input: [...wideHistory()].join("") });
    } else {
      await git(["clone", "--quiet", "--mirror", given, source]);
    }
    site = await sites[name]!(scratch, source);
    counter = await startRequestCounter(site.url);
  }, 600_000);

  afterAll(async () => {
    if (site !== undefined) {
      await counter[Symbol.asyncDispose]();
      await site[Symbol.asyncDispose]();
    }
    await scratch[Symbol.asyncDispose]();
  });

  /** The posts since it was last asked. */
  const posted = (): number => counter.requests.splice(0).filter((method) => method === "POST").length;
  const skipWhereMissing = (ctx: TestContext): void => {
    if (missing !== undefined) ctx.skip(missing);
  };

  it("first file 3, ten files of a folder 1, a search over the tree 2", { timeout: 300_000 }, async (ctx) => {
    skipWhereMissing(ctx);
    counter.requests.length = 0;
    await using remote = openRemote(openHttpTransport(`${counter.url}/history.git`));
    const objects = new SharedPromisor(await createPromisor(openRemoteSource(remote)));
    const tree = await openTree({ objects, refs: remote }, "HEAD");
    const listed = (await git(["ls-tree", "-r", "HEAD"], { cwd: source })).split("\n");
    const paths = listed.filter((line) => line.startsWith("100")).map((line) => line.split("\t")[1]!);
    const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1);
    const folder = paths.map(folderOf).find((each) => paths.filter((p) => folderOf(p) === each).length > 10)!;
    const [first = "", ...ten] = paths.filter((path) => folderOf(path) === folder).slice(0, 11);
    const show = (path: string): Promise<string> => git(["show", `HEAD:${path}`], { cwd: source });
    const read = async (path: string): Promise<string> =>
      Buffer.from(await tree.readFile(path))
        .toString()
        .replace(/\n$/, "");

    expect(await read(first)).toBe(await show(first));
    expect(posted()).toBeLessThanOrEqual(3);
    const texts = await Promise.all(ten.map(read));
    expect(posted()).toBeLessThanOrEqual(1);
    expect(texts).toEqual(await Promise.all(ten.map(show)));

    const hits = new Set<string>();
    for await (const { path, line } of tree.grep({ pattern: "need" })) hits.add(`${path}:${line}`);
    expect(posted()).toBeLessThanOrEqual(2);
    const theirs = await git(["grep", "-n", "-I", "-F", "-e", "need", "HEAD"], { cwd: source });
    const expected = theirs.split("\n").map((line) => /^HEAD:(.*?:\d+):/.exec(line)?.[1] ?? "");
    expect([...hits].toSorted()).toEqual(expected.toSorted());
  });

  if (name !== SUBTRACTING) return;
  it("would be sent nothing that a have reaches", async () => {
    await using remote = openRemote(openHttpTransport(`${counter.url}/history.git`));
    const [path] = (await git(["ls-tree", "-r", "--name-only", "HEAD"], { cwd: source })).split("\n");
    const commit = await git(["rev-parse", "HEAD"], { cwd: source });
    const blob = await git(["rev-parse", `HEAD:${path}`], { cwd: source });
    const sizeOf = async (haves: readonly string[]): Promise<number> => {
      const answer = await remote.fetch({ wants: [blob], haves: tellAll(haves) });
      let size = 0;
      for await (const chunk of answer.pack) size += chunk.length;
      return size;
    };
    // A header and a trailer, and no object.
    expect(await sizeOf([commit])).toBe(32);
    expect(await sizeOf([])).toBeGreaterThan(32);
  });
});
