import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DaemonLab } from "../support/daemon-lab.ts";
import { run, useLab, whyNot } from "../support/lab.ts";
import { makeProject, redirect, undo, whyNoRedirect } from "../support/redirects.ts";
import { git } from "../support/repository.ts";

const lab = useLab(whyNot() ?? whyNoRedirect());
let daemon: DaemonLab;
let directory: string;
let elsewhere: string;
beforeEach(async () => {
  daemon = new DaemonLab(lab);
  const origin = lab.keep(makeProject());
  elsewhere = lab.folder();
  symlinkSync(elsewhere, join(origin, "outside"));
  git(origin, ["add", "."]);
  git(origin, ["commit", "-q", "-m", "a link"]);
  await daemon.start();
  directory = await daemon.mount("one", origin);
});
afterEach(() => daemon?.end());

const REFUSED = { code: "MOUNT_REDIRECT_REFUSED" };

describe("what cannot be redirected", () => {
  test("is refused, and nothing is changed", async () => {
    await run("sh", ["-ec", "mkdir -p free/in; echo > free/file; ln -s free to-free"], { cwd: directory });
    await redirect(daemon, join(directory, "free/in"));
    const paths = [
      // git tracks something there, or there is no directory.
      ["src", "git tracks src/file-0.js"],
      ["index.js", "git tracks index.js"],
      ["outside", "git tracks outside"],
      ["free/file", "it is no directory"],
      ["to-free", "it is no directory"],
      // What is above is none of the mount's directories.
      ["index.js/below", "what is above it"],
      ["outside/made/target", "what is above it"],
      ["to-free/target", "what is above it"],
      // One is in another one.
      ["free", "free/in is"],
      ["free/in/deep", "free/in is"],
    ] as const;
    for (const [path, words] of paths) {
      await expect(redirect(daemon, join(directory, path)), path).rejects.toMatchObject({
        ...REFUSED,
        message: expect.stringContaining(words),
      });
    }
    for (const path of ["", "/.git", "/.git/info", "/src/.GIT", "/a//b", "/a/../b", "/a\nb"])
      await expect(redirect(daemon, directory + path), path).rejects.toThrow();
    await expect(redirect(daemon, elsewhere)).rejects.toMatchObject({ code: "MOUNT_UNKNOWN_NAME" });
    await expect(undo(daemon, join(directory, "other"))).rejects.toMatchObject(REFUSED);
    await expect(redirect(daemon, join(directory, "free/in"), "link")).rejects.toMatchObject(REFUSED);
    expect((await daemon.status("one")).redirects.map(({ path }) => path)).toEqual(["free/in"]);
    expect(await run("ls", ["-A", elsewhere])).toBe("");
    expect(await run("git", ["status", "--porcelain"], { cwd: directory })).toBe("?? free/\n?? to-free\n");
  });

  test("is all of a mount that is read-only", async () => {
    const origin = lab.keep(makeProject());
    const readOnly = await daemon.mount("two", origin, { readOnly: true });
    await expect(redirect(daemon, join(readOnly, "node_modules"))).rejects.toMatchObject(REFUSED);
  });
});
