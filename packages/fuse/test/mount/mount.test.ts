import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FuseError, mount, MEMORY_FILE_SYSTEM } from "@millrace/fuse";
import { afterAll, describe, expect, it } from "vitest";
import { beside, isInstalled, Lab, run, whyNot } from "./lab.ts";

const lab = new Lab();
const reason = whyNot();
const module = new URL("slow-file-system.ts", import.meta.url);

afterAll(async () => await lab.end());

/** The code that something failed with, as the program `cat` says it. */
async function cat(path: string, timeoutMs = 20_000): Promise<string> {
  return await run("cat", [path], { timeoutMs }).catch((error: unknown) => String(error));
}

describe.each([false, true])("with blocking reads: %s", (blockingReads) => {
  it("what goes in comes out, and the mount ends clean", async (ctx) => {
    if (reason !== undefined) ctx.skip(reason);
    const mounted = await lab.mount({ blockingReads });
    const bytes = Buffer.alloc(3_000_001, "a line of text\n");
    const source = join(lab.folder(), "source");
    await writeFile(source, bytes);
    await run("cp", [source, join(mounted.directory, "copy")]);
    const told = await run("sha256sum", [join(mounted.directory, "copy")]);
    expect(told.slice(0, 64)).toBe(createHash("sha256").update(bytes).digest("hex"));
    await mounted.unmount();
    await mounted.ended;
    expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain(mounted.directory);
  });

  it("keeps little memory for what lives no longer than a request", async (ctx) => {
    if (reason !== undefined) ctx.skip(reason);
    const mounted = await lab.mount({ module, blockingReads });
    const youngMiB = Number(await cat(join(mounted.directory, "young")));
    expect(youngMiB).toBeGreaterThan(0);
    expect(youngMiB).toBeLessThanOrEqual(12);
    await mounted.unmount();
  });

  it("a read that hangs hangs nobody else, and is freed by a signal", async (ctx) => {
    if (reason !== undefined) ctx.skip(reason);
    const mounted = await lab.mount({ module, blockingReads });
    const hanging = run("timeout", ["-s", "INT", "3", "cat", join(mounted.directory, "never")]).catch(String);
    expect(await cat(join(mounted.directory, "plain"))).toBe("plain\n");
    expect(await hanging).toMatch(/status 124/);
    // The handler has seen its signal.
    expect(await cat(join(mounted.directory, "interrupts"))).toBe("1\n");
    await mounted.unmount();
  });

  it("a hung mount is aborted", async (ctx) => {
    if (reason !== undefined) ctx.skip(reason);
    const mounted = await lab.mount({ module, blockingReads });
    const hanging = cat(join(mounted.directory, "deaf"));
    while ((await cat(join(mounted.directory, "hanging"))) === "0\n");
    expect(await cat(join(mounted.directory, "plain"))).toBe("plain\n");
    await mounted.abort();
    expect(await hanging).toMatch(/connection abort|not connected|Input\/output/i);
    expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain(mounted.directory);
  });

  it.for(["deaf", "spin"])("hungAfterMs ends a mount whose %s file is read", async (name, ctx) => {
    if (reason !== undefined) ctx.skip(reason);
    const mounted = await lab.mount({ module, blockingReads, hungAfterMs: 400 });
    const ended = mounted.ended.catch((error: FuseError) => error.code);
    expect(await cat(join(mounted.directory, name))).toMatch(/connection abort|not connected|Input\/output/i);
    expect(await ended).toBe("FUSE_HUNG");
    expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain(mounted.directory);
  });

  it("hungAfterMs leaves in peace who is idle, or busy with short requests", async (ctx) => {
    if (reason !== undefined) ctx.skip(reason);
    const mounted = await lab.mount({ module, blockingReads, hungAfterMs: 20_000 });
    expect(await cat(join(mounted.directory, "slow"))).toBe("s\n");
    await run("sleep", ["1"]);
    expect(await cat(join(mounted.directory, "plain"))).toBe("plain\n");
    await mounted.unmount();
    await mounted.ended;
  });

  it("a thread that dies leaves no mount", async (ctx) => {
    if (reason !== undefined) ctx.skip(reason);
    const mounted = await lab.mount({ module, blockingReads });
    const ended = mounted.ended.catch((error: FuseError) => error.code);
    expect(await cat(join(mounted.directory, "crash"))).toMatch(/status 1/);
    expect(await ended).toBe("FUSE_WORKER_FAILED");
    expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain(mounted.directory);
  });
});

it("a busy mount stays, a lazy unmount takes its name at once", async (ctx) => {
  if (reason !== undefined) ctx.skip(reason);
  const mounted = await lab.mount();
  await run("touch", [join(mounted.directory, "file")]);
  const user = run("sh", ["-c", `exec 3<"${mounted.directory}/file"; sleep 2`]);
  await run("sleep", ["0.5"]);
  await expect(mounted.unmount()).rejects.toMatchObject({ code: "FUSE_BUSY" });
  const gone = mounted.unmount({ lazy: true });
  await user;
  await gone;
});

it("what cannot be mounted says why", async (ctx) => {
  if (reason !== undefined) ctx.skip(reason);
  await expect(mount({ directory: "/nowhere", module })).rejects.toMatchObject({ code: "FUSE_MOUNT_FAILED" });
  await expect(mount({ directory: beside("lab.ts"), module })).rejects.toMatchObject({
    code: "FUSE_MOUNT_FAILED",
  });
  await expect(
    mount({ directory: lab.folder(), module: new URL("file:///no/such.js") }),
  ).rejects.toMatchObject({
    code: "FUSE_WORKER_FAILED",
  });
  await expect(mount({ directory: lab.folder(), module, name: "a,b" })).rejects.toMatchObject({
    name: "ZodError",
  });
});

it("notifications: contents, names and their absence are forgotten, bytes are stored", async (ctx) => {
  if (reason !== undefined) ctx.skip(reason);
  const mounted = await lab.mount({ module });
  const count = join(mounted.directory, "count");
  // Cached by the kernel: the handler counts how often it is asked.
  expect([await cat(count), await cat(count)]).toEqual(["1\n", "1\n"]);
  expect(await mounted.notify({ kind: "invalidateInode", nodeId: 7, offset: 0, lengthBytes: 0 })).toBe(true);
  expect(await cat(count)).toBe("2\n");
  expect(await mounted.notify({ kind: "store", nodeId: 7, offset: 0, data: Buffer.from("9") })).toBe(true);
  expect(await cat(count)).toBe("9\n");
  const asked = async (): Promise<string> => {
    expect(await cat(join(mounted.directory, "absent"))).toMatch(/No such file/);
    await mounted.notify({ kind: "invalidateInode", nodeId: 8, offset: 0, lengthBytes: 0 });
    return await cat(join(mounted.directory, "lookups"));
  };
  expect([await asked(), await asked()]).toEqual(["1\n", "1\n"]);
  expect(await mounted.notify({ kind: "invalidateEntry", parent: 1, name: "absent" })).toBe(true);
  expect(await asked()).toBe("2\n");
  expect(await mounted.notify({ kind: "delete", parent: 1, child: 7, name: "count" })).toBe(true);
  expect(await mounted.notify({ kind: "invalidateInode", nodeId: 4711, offset: 0, lengthBytes: 0 })).toBe(
    false,
  );
  await mounted.unmount();
  await expect(mounted.notify({ kind: "invalidateEntry", parent: 1, name: "x" })).rejects.toMatchObject({
    code: "FUSE_ENDED",
  });
});

it("a thousand invalidations during a pending read hang nothing", async (ctx) => {
  if (reason !== undefined) ctx.skip(reason);
  const mounted = await lab.mount({ module });
  const reading = cat(join(mounted.directory, "slow"));
  await run("sleep", ["0.5"]);
  const invalidations = Array.from(
    { length: 1000 },
    async () => await mounted.notify({ kind: "invalidateInode", nodeId: 9, offset: 0, lengthBytes: 0 }),
  );
  expect(await cat(join(mounted.directory, "plain"))).toBe("plain\n");
  expect(await reading).toBe("s\n");
  expect(await Promise.all(invalidations)).toHaveLength(1000);
  await mounted.unmount();
});

it("more requests than may be pending wait their turn", async (ctx) => {
  if (reason !== undefined) ctx.skip(reason);
  const mounted = await lab.mount({ module, maxPending: 2 });
  const all = Array.from({ length: 12 }, async (_, i) => await cat(join(mounted.directory, `later-${i}`)));
  expect(await Promise.all(all)).toEqual(Array.from({ length: 12 }, () => "later\n"));
  await mounted.unmount();
});

it("a full file system says so, and has room again", async (ctx) => {
  if (reason !== undefined) ctx.skip(reason);
  const mounted = await lab.mount({ data: { maxBytes: 1_048_576, maxNodes: 10 } });
  const file = join(mounted.directory, "file");
  await expect(run("dd", ["if=/dev/zero", `of=${file}`, "bs=64k", "count=20"])).rejects.toThrow(
    /No space left/,
  );
  await run("rm", [file]);
  await run("dd", ["if=/dev/zero", `of=${file}`, "bs=64k", "count=16"]);
  await expect(run("sh", ["-c", `cd "${mounted.directory}" && mkdir 1 2 3 4 5 6 7 8 9 10`])).rejects.toThrow(
    /No space left/,
  );
  await mounted.unmount();
});

it("fio verifies what it has written, in blocks at random, by several jobs and mapped", async (ctx) => {
  if (reason !== undefined) ctx.skip(reason);
  if (!isInstalled("fio")) ctx.skip("fio is not installed: NOTHING THAT WAS WRITTEN IS VERIFIED BY IT");
  const { directory } = await lab.mount();
  const common = [
    `--directory=${directory}`,
    "--size=8m",
    "--verify=crc32c",
    "--verify_fatal=1",
    "--randseed=7",
  ];
  for (const [name, ...args] of [
    ["random", "--rw=randwrite", "--bs=4k", "--ioengine=psync", "--numjobs=2"],
    ["uneven", "--rw=randrw", "--bsrange=512-128k", "--bs_unaligned", "--ioengine=psync"],
    ["mapped", "--rw=randwrite", "--bs=4k", "--ioengine=mmap"],
    ["direct", "--rw=write", "--bs=1m", "--direct=1", "--ioengine=psync", "--fsync=4"],
  ] as const) {
    const said = await run("fio", [`--name=${name}`, ...common, ...args], { cwd: lab.folder() });
    expect(said).toMatch(/err= 0/);
    expect(said).not.toMatch(/err= *[1-9]/);
  }
});

it("git works in the mount: init, commit, branch, merge, repack, clone, fsck", async (ctx) => {
  if (reason !== undefined) ctx.skip(reason);
  const { directory } = await lab.mount();
  const script = `set -e
    git init -q -b main one && cd one
    git config user.name A && git config user.email a@example.com
    for i in $(seq 60); do mkdir -p d$((i % 7)) && echo "$i" > d$((i % 7))/f$i; done
    ln -s d1 link && git add -A && git commit -qm one
    git checkout -qb side && git mv d1 moved && echo more >> d2/f2 && git commit -qam side
    git checkout -q main && echo top > top && git add top && git commit -qm top
    git merge -q side -m merge && git stash list && git repack -adq && git gc -q
    git status --porcelain && git fsck --strict --full
    cd .. && git clone -q --no-local one two && git -C two fsck --strict && diff -r --no-dereference --exclude=.git one two
    git -C two log --oneline | wc -l && rm -rf one two && ls -A`;
  const env = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" };
  expect((await run("sh", ["-c", script], { cwd: directory, env })).trim()).toBe("4");
});

it("the module of the memory file system is there", () => {
  expect(existsSync(MEMORY_FILE_SYSTEM)).toBe(true);
});
