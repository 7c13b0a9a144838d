import { basename, dirname } from "node:path";
import { openRemoteSource } from "@millrace/promisor";
import { openHttpTransport, openRemote } from "@millrace/protocol-v2/client";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import {
  mountRepository,
  type RepositoryMount,
  type RepositoryMountOptions,
} from "../../src/mount-repository.ts";
import { listMounts } from "../../src/mount-table.ts";
import type { Place } from "../../src/place.ts";
import { GitHttp } from "../support/git-http.ts";
import { run, useLab } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();
let origin: string;
let server: GitHttp;
beforeEach(async () => {
  origin = lab.keep(makeRepository());
  server = new GitHttp(dirname(origin));
  onTestFinished(async () => await server[Symbol.asyncDispose]());
  await server.start();
});

/** Mounts what the server has. @param answerTimeoutMs silence of the server that ends a request */
async function mount(
  options: Pick<RepositoryMountOptions, "directory" | "stateFolder" | "cacheFolder"> &
    Partial<RepositoryMountOptions>,
  answerTimeoutMs?: number,
): Promise<RepositoryMount> {
  const url = server.url(basename(origin));
  const remote = openRemote(openHttpTransport(url, { answerTimeoutMs }));
  onTestFinished(async () => await remote[Symbol.asyncDispose]());
  const place: Place = {
    source: openRemoteSource(remote),
    refs: remote,
    address: url,
    url,
    gitSettings: [],
    [Symbol.asyncDispose]: () => remote[Symbol.asyncDispose](),
  };
  const mounted = await mountRepository({ place, name: "HEAD", ...options });
  onTestFinished(async () => await mounted[Symbol.asyncDispose]());
  return mounted;
}

test("a tree that does not come is EIO after a while, which nothing else of the mount waits for, and comes when the server answers again", async () => {
  const head = git(origin, ["rev-parse", "HEAD"]);
  // All trees but the root, together and each.
  server.holds = (body) =>
    body.includes(`want ${head}`) ? body.includes("filter blob:none") : body.includes("filter tree:1");
  const faults: unknown[] = [];
  const folders = lab.folders();
  const { directory: cwd } = folders;
  const mounted = await mount({ ...folders, treeWaitMs: 300, onFault: (error) => faults.push(error) });
  await server.isHolding();
  await expect(run("ls", ["src/part-1"], { cwd })).rejects.toThrow("Input/output error");
  expect(faults).toContainEqual(expect.objectContaining({ code: "MOUNT_FETCH_STALLED" }));
  // Who asks again waits as long again; all that is here goes on.
  await expect(run("cat", ["src/part-1/file-1.c"], { cwd })).rejects.toThrow("Input/output error");
  expect(await run("sh", ["-ec", "cat README.md; echo mine > mine; cat mine"], { cwd })).toBe(
    "version 3\nmine\n",
  );
  await run("stat", ["src"], { cwd });
  server.release();
  await mounted.ready;
  await mounted.history;
  expect(await run("cat", ["src/part-1/file-1.c"], { cwd })).toBe(
    `${git(origin, ["show", "HEAD:src/part-1/file-1.c"])}\n`,
  );
  expect(await run("git", ["status", "--porcelain"], { cwd })).toBe("?? mine\n");
});

test("a server that says nothing while a mount is prepared ends that, with nothing mounted, and the next one comes to its end", async () => {
  server.holds = (body) => body.includes("command=fetch");
  const folders = lab.folders();
  await expect(mount(folders, 300)).rejects.toMatchObject({ code: "PROTOCOL_TIMEOUT" });
  expect((await listMounts()).filter(({ directory }) => directory === folders.directory)).toEqual([]);
  server.release();
  const mounted = await mount(folders);
  await mounted.ready;
  expect(await run("git", ["status", "--porcelain"], { cwd: folders.directory })).toBe("");
  expect(await run("cat", ["README.md"], { cwd: folders.directory })).toBe("version 3\n");
});
