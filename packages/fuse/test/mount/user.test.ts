import { join } from "node:path";
import { mount, MEMORY_FILE_SYSTEM } from "@millrace/fuse";
import { afterAll, describe, expect, it, type TestContext } from "vitest";
import { asUser, type Circumstances, USER } from "./as-user.ts";
import { isInstalled, Lab, whyNot } from "./lab.ts";

const lab = new Lab();
const reason =
  whyNot() ??
  (isInstalled("fusermount3")
    ? undefined
    : "fusermount3 is not installed: NO MOUNT OF AN ORDINARY USER IS TESTED");

afterAll(async () => await lab.end());

async function told(ctx: TestContext, circumstances: Circumstances): Promise<Record<string, unknown>[]> {
  if (reason !== undefined) ctx.skip(reason);
  const lines = await asUser(lab.folder(), circumstances);
  return lines
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe.each([false, true])("an ordinary user, with blocking reads: %s", (blockingReads) => {
  it("mounts, uses and unmounts", async (ctx) => {
    const [use] = await told(ctx, { programs: [["use", { blockingReads, name: "a:b" }]] });
    expect(use).toMatchObject({ stdout: `text\n${USER}\n`, after: null });
    expect(use?.line).toMatch(
      /^a:b \S+ fuse rw,nosuid,nodev,\S*user_id=54321,group_id=54321,default_permissions/,
    );
  });

  it("is told that a mount is busy, and leaves it lazily", async (ctx) => {
    const [busy] = await told(ctx, { programs: [["busy", { blockingReads }]] });
    expect(busy).toEqual({ code: "FUSE_BUSY", after: null });
  });

  it("aborts what hangs", async (ctx) => {
    // The control file system lets the owner of a mount abort it; without it only a reader that polls can be ended.
    const control = "mount -t fusectl none /sys/fs/fuse/connections";
    const [abort] = await told(ctx, { before: control, programs: [["abort", { blockingReads }]] });
    expect(abort?.said).toMatch(/connection abort|not connected|Input\/output/i);
    expect(abort?.after).toBe(null);
  });
});

it("a hung mount of an ordinary user is aborted without the control file system, too", async (ctx) => {
  const hide = "! mountpoint -q /sys/fs/fuse/connections || umount /sys/fs/fuse/connections";
  const [abort] = await told(ctx, { before: hide, programs: [["abort"]] });
  expect(abort?.said).toMatch(/connection abort|not connected|Input\/output/i);
  expect(abort?.after).toBe(null);
});

it("what a killed process has left is removed, and nothing else", async (ctx) => {
  const [tidied, again] = await told(ctx, { programs: [["die"], ["tidy"], ["tidy"]] });
  expect(tidied).toEqual({ removed: true, again: false, after: null });
  expect(again).toEqual({ removed: false, again: false, after: null });
});

it("autoUnmount leaves nothing behind a killed process", async (ctx) => {
  if (reason !== undefined) ctx.skip(reason);
  const lines = await asUser(lab.folder(), {
    conf: "user_allow_other\n",
    programs: [["die", { allowOther: true, autoUnmount: true }]],
    after:
      "for i in $(seq 100); do grep -q $D/mnt' fuse' /proc/mounts || break; sleep 0.1; done; grep -c $D/mnt' fuse' /proc/mounts || :",
  });
  expect(lines.at(-1)).toBe("0");
  // As root, and with a clean end.
  const directory = lab.folder();
  const mounted = await mount({ directory, module: MEMORY_FILE_SYSTEM, autoUnmount: true });
  await mounted.unmount();
});

it("passthrough, which is for root, is quietly left out", async (ctx) => {
  const before = "mkdir $D/native; echo native > $D/native/file; chown -R $O $D/native";
  const [through] = await told(ctx, { before, programs: [["through"]] });
  expect(through).toEqual({ stdout: "native\n", passthrough: false });
});

describe("what an ordinary user may not", () => {
  it("is told in the helper's words", async (ctx) => {
    const options = [{ allowOther: true }, { trusted: true }, { autoUnmount: true }];
    const words = await told(ctx, { programs: options.map((given) => ["use", given] as const) });
    words.push(...(await told(ctx, { before: "chown 0 $D/mnt", programs: [["use"]] })));
    expect(words.map(({ code }) => code)).toEqual(Array.from({ length: 4 }, () => "FUSE_NOT_PERMITTED"));
    expect(words[0]?.message).toMatch(
      /^fusermount3: option allow_other only allowed if 'user_allow_other' is set/,
    );
    expect(words[3]?.message).toMatch(/^fusermount3: user has no write access to mountpoint/);
  });

  it("is allowed where /etc/fuse.conf says so", async (ctx) => {
    const [use] = await told(ctx, { conf: "user_allow_other\n", programs: [["use", { allowOther: true }]] });
    expect(use?.line).toMatch(/allow_other/);
  });
});

describe("a machine that lets nobody mount", () => {
  const root = { uid: 0 };

  it("has no device", async (ctx) => {
    const before =
      "mkdir $D/dev; mknod $D/dev/null c 1 3; mknod $D/dev/urandom c 1 9; mount --bind $D/dev /dev";
    for (const who of [{}, root]) {
      const [use] = await told(ctx, { ...who, before, programs: [["use"]] });
      expect(use?.code).toBe("FUSE_UNAVAILABLE");
    }
  });

  it("has a device that nobody else may open", async (ctx) => {
    const [use] = await told(ctx, { before: "chmod 600 /dev/fuse", programs: [["use"]] });
    expect(use).toMatchObject({ code: "FUSE_UNAVAILABLE", message: expect.stringMatching(/^fusermount3: /) });
  });

  it("has no CAP_SYS_ADMIN for anybody", async (ctx) => {
    for (const who of [{}, root]) {
      const [use] = await told(ctx, { ...who, rights: "--bounding-set=-sys_admin", programs: [["use"]] });
      expect(use?.code).toBe("FUSE_NOT_PERMITTED");
    }
  });

  it("has no helper, or one without rights", async (ctx) => {
    const [missing] = await told(ctx, { path: "/nowhere", programs: [["use"]] });
    expect(missing).toMatchObject({
      code: "FUSE_HELPER_UNUSABLE",
      message: expect.stringMatching(/installed/),
    });
    const [locked] = await told(ctx, { rights: "--no-new-privs", programs: [["use"]] });
    expect(locked).toMatchObject({
      code: "FUSE_HELPER_UNUSABLE",
      message: expect.stringMatching(/no_new_privs/),
    });
    const before = "mkdir $D/bin; cp $(command -v fusermount3) $D/bin; chmod 755 $D/bin/fusermount3";
    const folder = lab.folder();
    if (reason !== undefined) ctx.skip(reason);
    const [line = ""] = await asUser(folder, {
      before,
      path: `${join(folder, "bin")}:${process.env.PATH}`,
      programs: [["use"]],
    });
    expect(JSON.parse(line)).toMatchObject({
      code: "FUSE_HELPER_UNUSABLE",
      message: expect.stringMatching(/not set-user-id root/),
    });
  });

  it("has no koffi for those who need it, and root needs none", async (ctx) => {
    const before =
      "mkdir $D/none; mount --bind $D/none $(readlink -f $D/checkout/packages/fuse/node_modules/koffi)";
    const [use] = await told(ctx, { before, programs: [["use"]] });
    expect(use?.code).toBe("FUSE_NATIVE_MISSING");
    const [asRoot] = await told(ctx, { ...root, before, programs: [["use"]] });
    expect(asRoot).toMatchObject({ after: null });
  });
});
