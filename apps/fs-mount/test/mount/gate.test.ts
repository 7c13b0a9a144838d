import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  mountRepository,
  type RepositoryMount,
  type RepositoryMountOptions,
} from "../../src/mount-repository.ts";
import { openPlace } from "../../src/place.ts";
import { DaemonLab } from "../support/daemon-lab.ts";
import { GitHttp } from "../support/git-http.ts";
import { run, useLab } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();

interface Waiting {
  readonly server: GitHttp;
  readonly origin: string;
  readonly mounted: RepositoryMount;
  readonly folders: Pick<RepositoryMountOptions, "directory" | "stateFolder" | "cacheFolder">;
  /** What was told of what is lacking. */
  readonly lacking: unknown[];
}

/** A mount of a server that has sent the root, and holds back what `isHeld` says: by default all other trees. */
async function mountHeld(isHeld: (body: string, head: string) => boolean = isTrees): Promise<Waiting> {
  const origin = lab.keep(makeRepository());
  const server = new GitHttp(dirname(origin));
  onTestFinished(async () => await server[Symbol.asyncDispose]());
  await server.start();
  const head = git(origin, ["rev-parse", "HEAD"]);
  server.holds = (body) => isHeld(body, head);
  return { server, origin, ...(await mountAt(server.url(basename(origin)), lab.folders())) };
}

async function mountAt(
  url: string,
  folders: Waiting["folders"],
): Promise<Pick<Waiting, "mounted" | "folders" | "lacking">> {
  const place = await openPlace(url, process.env);
  const lacking: unknown[] = [];
  const mounted = await mountRepository({
    place,
    name: "HEAD",
    ...folders,
    onLacking: (error) => lacking.push(error),
  });
  onTestFinished(async () => {
    await mounted[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });
  return { mounted, folders, lacking };
}

/** The request for all trees of the commit, but for the root. */
function isTrees(body: string, head: string): boolean {
  return body.includes(`want ${head}`) && body.includes("filter blob:none");
}

/** That, and requests for single trees. */
function isAnyTree(body: string, head: string): boolean {
  return isTrees(body, head) || (body.includes("filter tree:1") && !body.includes(`want ${head}`));
}

/** Tells when something has ended, well or not. */
function watch<T>(promise: Promise<T>): { readonly hasEnded: () => boolean; readonly outcome: Promise<T> } {
  let hasEnded = false;
  const end = (): void => {
    hasEnded = true;
  };
  promise.then(end, end);
  return { hasEnded: () => hasEnded, outcome: promise };
}

test("a mount is there with its root: a file of it is read, and a directory is asked for by itself", async () => {
  const { server, origin, mounted, folders } = await mountHeld();
  const { directory: cwd } = folders;
  await server.isHolding();
  expect(await run("ls", ["-A"], { cwd })).toBe(
    `${[".git", ...git(origin, ["ls-tree", "--name-only", "HEAD"]).split("\n")].toSorted().join("\n")}\n`,
  );
  expect(await run("cat", ["README.md"], { cwd })).toBe("version 3\n");
  expect(await run("cat", ["src/part-1/file-1.c"], { cwd })).toBe(
    `${git(origin, ["show", "HEAD:src/part-1/file-1.c"])}\n`,
  );
  expect(
    await run("sh", ["-c", "echo more >> README.md; echo new > src/part-1/new; cat src/part-1/new"], { cwd }),
  ).toBe("new\n");
  // git would take all files for removed ones: it waits for its index.
  const status = watch(run("git", ["status", "--porcelain"], { cwd }));
  const stats = await run("stat", ["-c", "%s", ".git"], { cwd });
  expect(Number(stats)).toBeGreaterThan(0);
  await expect(run("timeout", ["-s", "INT", "1", "cat", ".git"], { cwd })).rejects.toThrow("status 124");
  expect(status.hasEnded()).toBe(false);
  server.release();
  expect(await status.outcome).toBe(" M README.md\n?? src/part-1/new\n");
  await mounted.history;
  expect(await run("git", ["log", "--oneline"], { cwd })).toBe(`${git(origin, ["log", "--oneline"])}\n`);
  await run("git", ["fsck", "--connectivity-only"], { cwd });
});

test("a directory whose tree is not here yet is waited for; who waits may leave", async () => {
  const { server, origin, folders } = await mountHeld(isAnyTree);
  const { directory: cwd } = folders;
  await server.isHolding();
  const deep = watch(run("ls", ["src/part-1"], { cwd }));
  await expect(run("timeout", ["-s", "INT", "1", "ls", "names"], { cwd })).rejects.toThrow("status 124");
  await run("df", [cwd]);
  expect(deep.hasEnded()).toBe(false);
  server.release();
  expect(await deep.outcome).toBe(`${git(origin, ["ls-tree", "--name-only", "HEAD:src/part-1"])}\n`);
});

test("a server that goes away before all trees have come leaves what is here, and the rest comes when it is back", async () => {
  const { server, origin, mounted, folders, lacking } = await mountHeld(isAnyTree);
  const { directory: cwd } = folders;
  await server.isHolding();
  const deep = run("ls", ["src/part-1"], { cwd }).catch((error: unknown) => error);
  const status = run("git", ["status", "--porcelain"], { cwd }).catch((error: unknown) => error);
  await server.kill();
  expect(String(await deep)).toContain("Input/output error");
  expect(String(await status)).toMatch(/Input\/output error/);
  expect(await run("ls", [], { cwd })).toContain("README.md");
  // As long as it is gone nobody waits for it.
  await expect(run("ls", ["names"], { cwd })).rejects.toThrow("Input/output error");
  await expect(run("cat", [".git"], { cwd })).rejects.toThrow("Input/output error");
  expect(lacking[0]).toMatchObject({ code: "PROTOCOL_UNREACHABLE" });
  server.release();
  await server.start();
  await mounted.ready;
  expect(lacking.at(-1)).toBeUndefined();
  expect(await run("git", ["status", "--porcelain"], { cwd })).toBe("");
  expect(await run("ls", ["src/part-1"], { cwd })).toBe(
    `${git(origin, ["ls-tree", "--name-only", "HEAD:src/part-1"])}\n`,
  );
  await mounted.history;
});

test("a mount that has ended before all trees had come has them the next time", async () => {
  const { server, origin, mounted, folders } = await mountHeld(isAnyTree);
  const { directory: cwd } = folders;
  await server.isHolding();
  await run("sh", ["-c", "echo more >> README.md"], { cwd });
  await mounted.unmount();
  const again = await mountAt(server.url(basename(origin)), folders);
  expect(await run("cat", ["README.md"], { cwd })).toBe("version 3\nmore\n");
  server.release();
  await again.mounted.history;
  expect(await run("git", ["status", "--porcelain"], { cwd })).toBe(" M README.md\n");
});

test("a daemon tells of a mount that lacks trees that it is degraded, until they have come", async () => {
  const origin = lab.keep(makeRepository());
  const server = new GitHttp(dirname(origin));
  onTestFinished(async () => await server[Symbol.asyncDispose]());
  await server.start();
  const head = git(origin, ["rev-parse", "HEAD"]);
  server.holds = (body) => isAnyTree(body, head);
  const daemon = new DaemonLab(lab);
  onTestFinished(async () => await daemon.end());
  await daemon.start();
  const cwd = await daemon.add("one", server.url(basename(origin)));
  await server.isHolding();
  await daemon.until("one", ({ state }) => state === "mounted");
  expect(await run("cat", ["README.md"], { cwd })).toBe("version 3\n");
  await server.kill();
  const degraded = await daemon.until("one", ({ state }) => state === "degraded");
  expect(degraded.error).toMatch(/\S/);
  expect(degraded.history).toBe("partial");
  server.release();
  await server.start();
  await daemon.until("one", ({ state, history }) => state === "mounted" && history === "complete");
  expect(await run("git", ["status", "--porcelain"], { cwd })).toBe("");
});

test("while its history is held back a mount is committed in, and the commit is on top when the history has come", async () => {
  const origin = lab.keep(makeRepository());
  const server = new GitHttp(dirname(origin));
  onTestFinished(async () => await server[Symbol.asyncDispose]());
  await server.start();
  const head = git(origin, ["rev-parse", "HEAD"]);
  server.holds = (body) => isTrees(body, head) && !body.includes("deepen");
  const daemon = new DaemonLab(lab);
  onTestFinished(async () => await daemon.end());
  await daemon.start();
  const cwd = await daemon.add("one", server.url(basename(origin)));
  await server.isHolding();
  using client = await daemon.connect();
  await client.ask({ command: "wait", name: "one", until: "ready" });
  const inside = (...args: string[]): Promise<string> => run("git", args, { cwd });
  const shallow = (await inside("rev-parse", "--git-path", "shallow")).trim();
  const [tip = "", ...past] = git(origin, ["log", "--format=%H %s"]).split("\n");
  expect(await inside("log", "--format=%H %s")).toBe(`${tip}\n`);
  await run("sh", ["-ec", "echo more >> README.md; echo new > src/new; git add src/new"], { cwd });
  await inside("commit", "-q", "-a", "-m", "mine");
  const mine = `${(await inside("rev-parse", "HEAD")).trim()} mine`;
  expect(await inside("log", "--format=%H %s")).toBe(`${mine}\n${tip}\n`);
  expect(await inside("status", "--porcelain")).toBe("");
  expect(existsSync(shallow)).toBe(true);
  expect(await daemon.status("one")).toMatchObject({
    state: "mounted",
    history: "partial",
    commit: mine.split(" ")[0],
    ahead: null,
  });

  server.release();
  const whole = await daemon.until("one", ({ history }) => history === "complete");
  expect(whole).toMatchObject({
    state: "mounted",
    commit: mine.split(" ")[0],
    ahead: 1,
    behind: 0,
    error: null,
  });
  expect(existsSync(shallow)).toBe(false);
  expect(await inside("log", "--format=%H %s")).toBe(`${[mine, tip, ...past].join("\n")}\n`);
  expect(await inside("diff", "--name-only", "HEAD~1")).toBe("README.md\nsrc/new\n");
  expect(await inside("fsck", "--no-dangling", "--no-progress")).toBe("");
  expect(await inside("status", "--porcelain")).toBe("");
});

test.each([
  ["does not tell trees by their depth", ["uploadpackfilter.tree.allow", "false"]],
  ["knows no filters", ["uploadpack.allowFilter", "false"]],
])("a server that %s sends more at first", async (_, setting) => {
  const origin = lab.keep(makeRepository());
  git(origin, ["config", ...setting]);
  const { directory: cwd, faults } = await lab.mountRepository(origin);
  expect(await run("git", ["status", "--porcelain"], { cwd })).toBe("");
  expect(await run("cat", ["src/part-1/file-1.c"], { cwd })).toBe(
    `${git(origin, ["show", "HEAD:src/part-1/file-1.c"])}\n`,
  );
  expect(faults).toEqual([]);
});
