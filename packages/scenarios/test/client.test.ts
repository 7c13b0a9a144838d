import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  type GitTransport,
  openCommandTransport,
  openHttpTransport,
  openRemote,
  type Remote,
} from "@millrace/protocol-v2/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultEndpoint } from "../src/endpoints.ts";
import { serverCli } from "../src/server-cli.ts";
import { git } from "../src/git.ts";
import { startGitHttpBackend } from "../src/git-http-backend.ts";
import { createHistory } from "../src/history.ts";
import { packOf } from "../src/raw-pack.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import type { WorkTree } from "../src/work-tree.ts";

/** A server for the repositories of a folder. */
interface Site extends AsyncDisposable {
  transport(repository: string): GitTransport;
  /** Where the repositories lie. */
  readonly root: string;
}

const sites: Readonly<Record<string, (scratch: Scratch) => Promise<Site>>> = {
  async "git http-backend"(scratch) {
    const backend = await startGitHttpBackend(scratch.path);
    return {
      root: scratch.path,
      transport: (repository) => openHttpTransport(`${backend.url}/${repository}`),
      [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
    };
  },
  async "our server"() {
    const endpoint = await defaultEndpoint.open();
    return {
      root: endpoint.directory?.("") ?? "",
      transport: (repository) => openHttpTransport(endpoint.url(repository)),
      [Symbol.asyncDispose]: () => endpoint[Symbol.asyncDispose](),
    };
  },
  async "our command"(scratch) {
    const command = process.execPath;
    return {
      root: scratch.path,
      transport: (repository) =>
        openCommandTransport(repository, (service) => ({
          command,
          args: [serverCli, service.replace("git-", ""), join(scratch.path, repository)],
        })),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
};

describe.each(Object.keys(sites))("our client against %s", (name) => {
  let scratch: Scratch;
  let site: Site;
  let local: WorkTree;
  let remote: Remote;

  beforeAll(async () => {
    scratch = await createScratch();
    site = await sites[name]!(scratch);
    local = await createHistory(join(scratch.path, "local"), "sha1");
    const served = join(site.root, "history.git");
    await git(["clone", "--quiet", "--mirror", local.path, served]);
    for (const key of ["uploadpack.allowFilter", "http.receivepack", "transfer.advertiseObjectInfo"]) {
      await git(["config", key, "true"], { cwd: served });
    }
    remote = openRemote(site.transport("history.git"));
  });

  afterAll(async () => {
    await remote[Symbol.asyncDispose]();
    await site[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  async function bytesOf(pack: AsyncIterable<Uint8Array>): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of pack) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }

  /** The objects of a pack that needs nothing beside it. */
  async function idsOf(pack: AsyncIterable<Uint8Array>): Promise<string[]> {
    const path = join(scratch.path, `ids-${Math.random()}.git`);
    await git(["init", "--quiet", "--bare", path]);
    await git(["index-pack", "--stdin"], { cwd: path, input: await bytesOf(pack) });
    const listed = await git(["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"], {
      cwd: path,
    });
    return listed.split("\n");
  }

  const reachable = async (...args: string[]): Promise<string[]> => {
    const listed = await local.git("rev-list", "--objects", "--no-object-names", ...args);
    return listed.split("\n").toSorted();
  };

  it("lists the refs that ls-remote lists", async () => {
    const lines: string[] = [];
    for await (const { name: ref, oid, peeled } of remote.listRefs()) {
      lines.push(`${oid}\t${ref}`, ...(peeled === undefined ? [] : [`${peeled}\t${ref}^{}`]));
    }
    expect(lines.join("\n")).toBe(await git(["ls-remote", join(site.root, "history.git")]));
  });

  it("fetches everything, a part, and what a filter leaves", async () => {
    const main = await local.git("rev-parse", "main");
    expect(await idsOf((await remote.fetch({ wants: [main] })).pack)).toEqual(await reachable("main"));
    const filtered = await remote.fetch({ wants: [main], filter: "blob:none" });
    expect(await idsOf(filtered.pack)).toEqual(await reachable("--filter=blob:none", "main"));
    const shallow = await remote.fetch({ wants: [main], depth: 2, filter: "tree:1" });
    expect(shallow.shallow.length).toBeGreaterThan(0);
    expect((await idsOf(shallow.pack)).length).toBeLessThan(10);
    const tree = await local.git("rev-parse", "main^{tree}");
    expect(await idsOf((await remote.fetch({ wants: [tree] })).pack)).toEqual(await reachable(tree));
  });

  it("serves many calls at once", async () => {
    const tips = (await local.git("for-each-ref", "--format=%(objectname)", "refs/heads")).split("\n");
    const packs = await Promise.all(
      Array.from({ length: 12 }, async (_, n) =>
        idsOf((await remote.fetch({ wants: [tips[n % tips.length]!], filter: "tree:0" })).pack),
      ),
    );
    expect(packs.every((ids) => ids.length > 0)).toBe(true);
  });

  it("learns sizes without fetching", async () => {
    const blobs = await Promise.all(
      ["main:README", "main~3:README"].map((path) => local.git("rev-parse", path)),
    );
    const sizes = await remote.objectSizes(blobs);
    for (const blob of blobs) expect(sizes.get(blob)).toBe(Number(await local.git("cat-file", "-s", blob)));
  });

  it("pushes a branch, moves it and takes it away", async () => {
    await mkdir(join(site.root, "pushed.git"));
    await git(["init", "--quiet", "--bare", join(site.root, "pushed.git")]);
    await git(["config", "http.receivepack", "true"], { cwd: join(site.root, "pushed.git") });
    const to = openRemote(site.transport("pushed.git"));
    const [older, newer] = [await local.git("rev-parse", "main~2"), await local.git("rev-parse", "main")];
    const ref = "refs/heads/topic";
    const send = async (from: string | undefined, until: string | undefined, ...revisions: string[]) => {
      const push = await to.openPush();
      try {
        expect(push.refs.get(ref)).toBe(from);
        const pack = (async function* () {
          yield packOf(local.path, revisions);
        })();
        return await push.send({ updates: [{ name: ref, from, to: until }], pack });
      } finally {
        await push[Symbol.asyncDispose]();
      }
    };
    // Its history is not there yet.
    const broken = await to.openPush();
    const report = await broken.send({
      updates: [{ name: ref, from: undefined, to: newer }],
      pack: (async function* () {
        yield packOf(local.path, [newer, `^${older}`]);
      })(),
    });
    expect(report.refs[0]?.reason ?? report.unpackError).toBeDefined();
    await broken[Symbol.asyncDispose]();
    for (const report of [
      await send(undefined, older, older),
      await send(older, newer, newer, `^${older}`),
      await send(newer, undefined),
    ]) {
      expect(report).toMatchObject({ unpackError: undefined, refs: [{ name: ref, reason: undefined }] });
    }
    await git(["fsck", "--strict", "--no-dangling"], { cwd: join(site.root, "pushed.git") });
    await to[Symbol.asyncDispose]();
  });
});
