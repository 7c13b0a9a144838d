import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run, useLab } from "../support/lab.ts";
import { Mirror } from "../support/mirror.ts";
import { initRepository, makeFilteredRepository, writeFiles } from "../support/filtered-repository.ts";
import { git } from "../support/repository.ts";

const lab = useLab();

describe.each(["sha1", "sha256"] as const)("files of a mount of %s", (format) => {
  test("have the bytes that a checkout has written beside it, whatever is done to both", async () => {
    const mirror = await Mirror.open(lab, lab.keep(makeFilteredRepository(format)));
    await mirror.same();
    const { directory } = mirror.mounted;
    const shown = await run("cat", ["run.bat"], { cwd: directory });
    expect(shown).toBe("echo one\r\necho two\r\n");
    const utf16 = await run("od", ["-An", "-tx1", "-N4", "text.utf16"], { cwd: directory });
    expect(utf16.trim()).toBe("ff fe 7a 00");
    await mirror.sh(
      "echo more >> run.bat; printf 'x\\n' >> doc/a.txt; echo y >> src/x.lines; truncate -s 5 src/deep/y.lines",
    );
    await mirror.git("diff", "--stat");
    await mirror.git("commit", "-q", "-am", "changed");
    await mirror.settled();
    await mirror.same("the base has followed");
    expect((await mirror.mounted.mounted.state())?.changed).toBe(0);
    await mirror.git("fetch", "-q", "origin", "side:side");
    await mirror.git("checkout", "-q", "side");
    await mirror.settled();
    await mirror.same("other attributes, old files");
    await mirror.remount();
    await mirror.git("reset", "-q", "--hard");
    await mirror.sh("rm -r doc src/deep; git checkout -q -- .");
    await mirror.same("written again");
    await mirror.git("checkout", "-q", "main");
    await mirror.settled();
    await mirror.git("mv", "src", "moved");
    await mirror.git("mv", "doc/a.txt", "doc/deep/a.txt");
    await mirror.git("commit", "-q", "-m", "moved");
    await mirror.settled();
    await mirror.same("moved");
    await mirror.sh("echo '* -text' > .gitattributes");
    await mirror.git("commit", "-q", "-am", "no attributes");
    await mirror.settled();
    await mirror.git("status", "--porcelain");
    await mirror.remount();
  });
});

test("git finds all sizes in its first index, and hydrates nothing for a status", async () => {
  const origin = lab.keep(makeFilteredRepository());
  const folders = lab.folders();
  for (const time of ["first", "again"]) {
    const { mounted, directory, requests, faults } = await lab.mountRepository(origin, folders);
    if (time === "first") {
      const before = requests.length;
      // Plumbing that does not refresh the index: what is told to be the same is so by its stat data.
      expect(await run("git", ["diff-files", "--raw"], { cwd: directory })).toBe("");
      expect(requests.length).toBe(before);
    } else expect(requests).toEqual([]);
    const before = requests.length;
    const status = ["-c", "core.fsmonitor=false", "status", "--porcelain"];
    expect(await run("git", status, { cwd: directory })).toBe("");
    expect(await run("git", ["status", "--porcelain"], { cwd: directory })).toBe("");
    expect(requests.length).toBe(before);
    expect(faults).toEqual([]);
    await mounted.unmount();
  }
});

test("settings of the user count as they were when a file came, as they do on a disk", async () => {
  const origin = lab.keep(initRepository());
  writeFiles(origin, { "a.txt": "a\nb\n", "b.txt": "b\r\n", "c.bin": "\0\n", "d/e": "e\n", "d/x": "x\n" });
  git(origin, ["add", "."]);
  git(origin, ["commit", "-q", "-m", "first"]);
  const env = { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "core.autocrlf", GIT_CONFIG_VALUE_0: "true" };
  const clone = `${lab.folder()}/clone`;
  await run("git", ["clone", "-q", origin, clone], { env });
  const folders = lab.folders();
  const differences = async (directory: string): Promise<string> =>
    await run("diff", ["-r", "-x", ".git", clone, directory]);
  Object.assign(process.env, env);
  try {
    const { mounted, directory } = await lab.mountRepository(origin, folders);
    expect(await differences(directory)).toBe("");
    expect(await run("git", ["status", "--porcelain"], { cwd: directory, env })).toBe("");
    await mounted.unmount();
  } finally {
    for (const key of Object.keys(env)) delete process.env[key];
  }
  // The same files without the setting, and without it in the next checkout.
  const { mounted, directory } = await lab.mountRepository(origin, folders);
  expect(await differences(directory)).toBe("");
  expect(await run("git", ["status", "--porcelain"], { cwd: directory })).toBe("");
  await run("sh", ["-c", "rm a.txt; git checkout -q -- a.txt"], { cwd: directory });
  expect(readFileSync(join(clone, "a.txt"), "latin1")).toBe("a\r\nb\r\n");
  expect(await run("cat", ["a.txt", "d/e"], { cwd: directory })).toBe("a\nb\ne\r\n");
  await mounted.unmount();
});
