import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { lfsEndpoint } from "../../src/filters/lfs-client.ts";
import { materialize } from "../../src/materialize/materialize.ts";
import { openPlace } from "../../src/place.ts";
import { initRepository, writeFiles } from "../support/filtered-repository.ts";
import { run, useLab } from "../support/lab.ts";
import { openLfsServer, pointer, sha256 } from "../support/lfs-server.ts";
import { git } from "../support/repository.ts";

const lab = useLab();

const SMALL = Buffer.from("a small one\n");
const LARGE = randomBytes(3 << 20);
const ABSENT = Buffer.from("nobody has it\n");
const DAMAGED = Buffer.from("something else came\n");
const FILES = { "small.bin": SMALL, "deep/large.bin": LARGE, "absent.bin": ABSENT, "damaged.bin": DAMAGED };

/** Writes the pointer to what it reads, as git-lfs does. */
const CLEAN = String.raw`f=$(mktemp) && cat >$f && printf 'version https://git-lfs.github.com/spec/v1
oid sha256:%s
size %s
' $(sha256sum <$f | cut -c 1-64) $(stat -c %s $f); rm $f`;

/** A repository with pointers, one of them not for git-lfs, and what only looks like one. */
function makeOrigin(format: "sha1" | "sha256"): string {
  const folder = lab.keep(initRepository(format));
  const pointers = Object.entries(FILES).map(([path, content]) => [path, pointer(content)] as const);
  writeFiles(folder, {
    ...Object.fromEntries(pointers),
    ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
    "empty.bin": "",
    "none.bin": "no pointer\n",
    "other.txt": pointer(SMALL),
  });
  git(folder, ["add", "."]);
  git(folder, ["commit", "-q", "-m", "pointers"]);
  return folder;
}

const VARIABLES = ["GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"];
/** Where the processes of this test look for git-lfs. */
function configure(url: string): void {
  for (const [i, value] of ["1", "lfs.url", url].entries()) process.env[VARIABLES[i]!] = value;
}
afterEach(() => {
  for (const each of VARIABLES) delete process.env[each];
});

function codesOf(faults: readonly unknown[]): unknown[] {
  return faults.map((fault) => (fault as { readonly code?: unknown }).code);
}

describe.each(["sha1", "sha256"] as const)("pointers of git-lfs in a mount of %s", (format) => {
  test("are pointers, as after a checkout without git-lfs", async () => {
    await using server = await openLfsServer();
    configure(server.url);
    const { directory, faults } = await lab.mountRepository(makeOrigin(format));
    expect(await run("cat", ["small.bin"], { cwd: directory })).toBe(pointer(SMALL));
    expect(await run("git", ["status", "--porcelain"], { cwd: directory })).toBe("");
    expect([server.batches, faults]).toEqual([[], []]);
  });

  test("are what they point to where that is asked for: sizes at once, contents when they are read, and kept", async () => {
    const server = await openLfsServer();
    configure(server.url);
    for (const content of [SMALL, LARGE]) server.objects.set(sha256(content), content);
    server.objects.set(sha256(DAMAGED), Buffer.from("something ELSE came\n"));
    const origin = makeOrigin(format);
    const folders = lab.folders();
    const first = await lab.mountRepository(origin, { ...folders, lfs: true });
    const { directory } = first;
    const sums = async (...paths: string[]): Promise<string> =>
      (await run("sha256sum", paths, { cwd: directory })).replace(/ .*/g, "");
    expect(await run("git", ["diff-files", "--raw"], { cwd: directory })).toBe("");
    expect(await run("stat", ["-c", "%s", "deep/large.bin", "absent.bin"], { cwd: directory })).toBe(
      `${LARGE.length}\n${ABSENT.length}\n`,
    );
    expect(server.batches).toEqual([]);
    expect(await sums("small.bin", "deep/large.bin")).toBe(`${sha256(SMALL)}\n${sha256(LARGE)}\n`);
    expect(await run("cat", ["none.bin", "empty.bin", "other.txt"], { cwd: directory })).toBe(
      `no pointer\n${pointer(SMALL)}`,
    );
    expect(await sums("small.bin", "deep/large.bin")).toBe(`${sha256(SMALL)}\n${sha256(LARGE)}\n`);
    expect(server.downloads.toSorted()).toEqual([sha256(SMALL), sha256(LARGE)].toSorted());
    expect(first.faults).toEqual([]);
    await expect(run("cat", ["absent.bin"], { cwd: directory })).rejects.toThrow("Input/output error");
    await expect(run("cat", ["damaged.bin"], { cwd: directory })).rejects.toThrow("Input/output error");
    expect(codesOf(first.faults)).toEqual(["MOUNT_LFS_FAILED", "MOUNT_BLOB_DAMAGED"]);
    // What somebody writes to is the file.
    await run("sh", ["-c", "printf more >> small.bin"], { cwd: directory });
    expect(await run("cat", ["small.bin"], { cwd: directory })).toBe(`${SMALL.toString()}more`);
    await first.mounted.unmount();
    await server[Symbol.asyncDispose]();
    const again = await lab.mountRepository(origin, { ...folders, lfs: true });
    expect(await sums("deep/large.bin")).toBe(`${sha256(LARGE)}\n`);
    expect(await run("git", ["status", "--porcelain"], { cwd: directory })).toBe(" M small.bin\n");
    expect(again.faults).toEqual([]);
  });
});

test("plain files are what pointers point to where that is asked for", async () => {
  await using server = await openLfsServer();
  configure(server.url);
  for (const content of Object.values(FILES)) server.objects.set(sha256(content), content);
  await using place = await openPlace(makeOrigin("sha1"), process.env);
  const directory = `${lab.folder()}/new`;
  await materialize({ place, name: "HEAD", directory, lfs: true });
  for (const [path, content] of Object.entries(FILES))
    expect(readFileSync(`${directory}/${path}`).equals(content), path).toBe(true);
  // It may look into a file that is as young as its index: then as git-lfs would have it.
  expect(git(directory, ["-c", `filter.lfs.clean=${CLEAN}`, "status", "--porcelain", "small.bin"])).toBe("");
});

test("a server that wants a credential which nobody has is told of, and asked again later", async () => {
  await using server = await openLfsServer();
  configure(server.url.replace("ann:secret@", ""));
  server.objects.set(sha256(SMALL), SMALL);
  const { directory, faults } = await lab.mountRepository(makeOrigin("sha1"), { lfs: true });
  await expect(run("cat", ["small.bin"], { cwd: directory })).rejects.toThrow("Input/output error");
  expect(codesOf(faults)).toEqual(["MOUNT_LFS_FAILED"]);
});

test.each([
  ["https://example.com/a/b", undefined, "https://example.com/a/b.git/info/lfs"],
  ["https://example.com/a/b.git/", undefined, "https://example.com/a/b.git/info/lfs"],
  ["ssh://example.com/a", "https://lfs.example.com/x/", "https://lfs.example.com/x"],
])("files of %s with lfs.url %s are at %s", (url, configured, endpoint) => {
  expect(lfsEndpoint(url, configured).href).toBe(endpoint);
});

test("a repository without a server of git-lfs is told of", () => {
  expect(() => lfsEndpoint("/a/directory", undefined)).toThrow(
    expect.objectContaining({ code: "MOUNT_LFS_FAILED" }),
  );
});
