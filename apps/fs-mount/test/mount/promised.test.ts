import assert from "node:assert/strict";
import { once } from "node:events";
import { basename, dirname } from "node:path";
import { hashObject } from "@millrace/pack";
import { describe, expect, onTestFinished, test } from "vitest";
import { useForeground } from "../support/foreground.ts";
import { GitHttp } from "../support/git-http.ts";
import { type MountedRepository, run, useLab } from "../support/lab.ts";
import { type Ended, runShell } from "../support/mirror.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();
const foreground = useForeground();

/** A mount of a repository that lies behind HTTP, whose server tells sizes and takes pushes. */
class Served {
  readonly origin: string;
  readonly server: GitHttp;
  readonly kept = lab.folders();
  mount!: MountedRepository;

  private constructor(origin: string) {
    this.origin = origin;
    this.server = new GitHttp(dirname(origin));
  }

  static async open(format: "sha1" | "sha256" = "sha1"): Promise<Served> {
    const served = new Served(lab.keep(makeRepository(format)));
    for (const key of ["transfer.advertiseObjectInfo", "http.receivepack"])
      git(served.origin, ["config", key, "true"]);
    git(served.origin, ["config", "receive.denyCurrentBranch", "ignore"]);
    await served.server.start();
    onTestFinished(() => served.server[Symbol.asyncDispose]());
    await served.remount();
    return served;
  }

  async remount(options: { readonly readOnly?: boolean } = {}): Promise<void> {
    await this.mount?.mounted.unmount();
    const address = this.server.url(basename(this.origin));
    this.mount = await lab.mountRepository(address, { ...this.kept, ...options });
  }

  /** What a script says in the mount that ends well and complains of nothing. */
  async sh(script: string): Promise<string> {
    const { status, out, err } = await this.try(script);
    assert.deepEqual({ script, status, err }, { script, status: 0, err: "" });
    return out;
  }

  try(script: string): Promise<Ended> {
    return runShell(`set -e; ${script}`, this.kept.directory);
  }

  /** The paths of the mounted commit's files that were fetched, by the mount or by git. */
  fetched(commit = "main"): string[] {
    const all = this.server.fetches.join("\n");
    const lines = git(this.origin, ["ls-tree", "-r", commit]).split("\n");
    return lines.flatMap((line) => {
      const [, oid = "", path = ""] = /^\d+ blob (\w+)\t(.*)$/.exec(line) ?? [];
      return oid !== "" && all.includes(`want ${oid}`) ? [path] : [];
    });
  }
}

describe.each(["sha1", "sha256"] as const)("in a mount of %s", (format) => {
  test("the first commit fetches nothing, goes without the server, and is pushed with what is new", async () => {
    const served = await Served.open(format);
    const { server, origin } = served;
    await served.sh("echo new > src/part-1/new; git add -A; git commit -qm first");
    expect(served.fetched()).toEqual([]);
    await server.kill();
    await served.sh(`
      git commit -q --amend -m amended
      git checkout -q -b side HEAD~1; echo side > side; git add side; git commit -qm side; git checkout -q main
      git merge -q -m merged side; git write-tree; git stash list`);
    expect(await served.sh("git status --porcelain")).toBe("");
    await served.remount();
    await served.sh("echo again > again; git add again; git commit -qm again");
    await server.start();
    expect(served.fetched()).toEqual([]);
    const said = await served.try("git push -v --progress origin main");
    expect(said.status, said.err).toBe(0);
    // Three commits with the merge, their trees, and three files.
    expect(said.err).toMatch(/Writing objects: 100% \(1[0-9]\/1[0-9]\)/);
    expect(served.fetched()).toEqual([]);
    git(origin, ["fsck", "--strict"]);
    expect(git(origin, ["ls-tree", "-r", "--name-only", "main", "again", "side", "src/part-1/new"])).toBe(
      "again\nside\nsrc/part-1/new",
    );
  });

  test("git reads a file that nobody has read, and fetches that one", async () => {
    const served = await Served.open(format);
    expect(await served.sh("git show HEAD:run.sh")).toBe("#!/bin/sh\necho ran\n");
    expect(served.fetched()).toEqual(["run.sh"]);
    expect(await served.sh("git cat-file -p HEAD:empty; git cat-file -s HEAD:large.bin")).toBe("3145728\n");
    expect(await served.sh("git cat-file blob HEAD:large.bin | git hash-object --stdin")).toBe(
      `${git(served.origin, ["rev-parse", "main:large.bin"])}\n`,
    );
    expect(served.fetched().toSorted()).toEqual(["empty", "large.bin", "run.sh"]);
    expect(served.mount.faults).toEqual([]);
  });
});

describe("what is promised", () => {
  test("is there for who writes trees, and for nobody else: who looks at objects, packs them or reads many is as without", async () => {
    const served = await Served.open();
    const { server } = served;
    await served.sh("echo new > new; git add new; git commit -qm first");
    // All commands that go over all objects.
    for (const command of ["fsck --no-dangling --no-progress", "repack -adq", "gc -q", "prune"])
      await served.sh(`git ${command}`);
    expect(served.fetched()).toEqual([]);
    expect(await served.sh("ls -A .git:millrace-promised/*/ | grep -c '^[0-9a-f]\\{38\\}$' || true")).toBe(
      "0\n",
    );
    // Many files of the mounted commit come in one request; of some git reads what shows.
    const before = server.fetches.length;
    await served.sh("git diff HEAD~3 HEAD~1 --stat");
    const [first = ""] = server.fetches.slice(before);
    expect(first.match(/want /g)!.length).toBeGreaterThan(25);
    expect(first).toContain(git(served.origin, ["rev-parse", "main:src/part-2/file-8.c"]));
  });

  test("is read by a checkout, and its changes are refused", async () => {
    const served = await Served.open();
    await served.sh("rm -rf src run.sh large.bin; git checkout -q -- src; git reset -q --hard");
    expect(await served.sh("git status --porcelain; git -c core.fsmonitor=false status --porcelain")).toBe(
      "",
    );
    expect(await served.sh("git hash-object large.bin src/part-1/file-1.c")).toBe(
      `${git(served.origin, ["rev-parse", "main:large.bin", "main:src/part-1/file-1.c"])}\n`,
    );
    // While the lock is held, the folder has them, though no listing of the root has the folder.
    const oid = git(served.origin, ["rev-parse", "main:names/with space"]);
    const path = `.git:millrace-promised/${oid.slice(0, 2)}/${oid.slice(2)}`;
    expect((await served.try(`cat ${path}`)).err).toContain("No such file");
    const lock = `${served.mount.mounted.gitDirectory}/index.lock`;
    const files = git(served.origin, ["ls-tree", "-r", "main"])
      .split("\n")
      .filter((line) => line.includes(" blob "));
    const ids = new Set(files.map((line) => line.slice(12, 52)));
    expect(
      await served.sh(`touch ${lock}
        ls .git:millrace-promised | wc -l
        find .git:millrace-promised -type f | wc -l
        ls -A | grep -c millrace || true
        stat -c %s ${path}; wc -c < ${path}; stat -c %s ${path}
        for change in "touch ${path}" "rm ${path}" "mv ${path} other" "ln ${path} other" "mkdir .git:millrace-promised/zz" "rm -r .git:millrace-promised"; do
          $change 2> /dev/null && echo "$change" || true
        done
        rm ${lock}`),
    ).toBe(`256\n${ids.size}\n0\n0\n${"blob 6\0space\n".length + 11}\n0\n`);
    expect(served.mount.faults).toEqual([]);
  });

  test("is gone when the mount is, and git complains of nothing; what else is borrowed stays", async () => {
    const served = await Served.open();
    const { gitDirectory } = served.mount.mounted;
    await served.mount.mounted.unmount();
    const beside = (script: string): Promise<Ended> => runShell(script, gitDirectory);
    expect(await beside("git --git-dir=. log --oneline | wc -l; ls objects/info")).toMatchObject({
      out: "4\n",
      err: "",
    });
    const other = lab.folder();
    git(other, ["init", "-q", "--bare", "."]);
    await beside(`echo ${other}/objects > objects/info/alternates`);
    served.mount = await lab.mountRepository(served.server.url(basename(served.origin)), { ...served.kept });
    expect(await served.sh("git count-objects -v | grep -c ^alternate")).toBe("2\n");
    await served.mount.mounted.unmount();
    expect(await beside("git --git-dir=. count-objects -v | grep ^alternate")).toMatchObject({
      out: `alternate: ${other}/objects\n`,
      err: "",
    });
  });

  test("is promised again after the mount was killed", async () => {
    const served = await Served.open();
    const { server, origin } = served;
    const folders = ["--state", lab.folder(), "--cache-dir", lab.folder()];
    const directory = lab.folder();
    const { child } = await foreground.start(server.url(basename(origin)), directory, folders);
    child.kill("SIGKILL");
    await once(child, "exit");
    // The working tree answers nothing; with another one git says once what it lacks.
    const gone = await runShell(`git --git-dir=${folders[1]}/git --work-tree=/ log -1 --format=%s`, "/");
    expect(gone.out).toBe("all kinds\n");
    expect(gone.err.trim().split("\n")).toEqual([expect.stringContaining("alternate object path")]);
    await run("umount", ["-l", directory]);
    await foreground.start(server.url(basename(origin)), directory, folders);
    await server.kill();
    const commit = "echo new > new && git add -A && git commit -qm first && git status --porcelain";
    expect(await runShell(commit, directory)).toEqual({ status: 0, out: "", err: "" });
    expect(served.fetched()).toEqual([]);
  });

  test("is there in a mount that nobody can write to, too", async () => {
    const served = await Served.open();
    await served.remount({ readOnly: true });
    await served.server.kill();
    await served.sh(`
      git update-index --add --cacheinfo 100644,$(echo staged | git hash-object -w --stdin),staged
      git commit -qm staged; git commit -q --allow-empty -m empty`);
    expect(await served.sh("git ls-tree --name-only HEAD staged README.md")).toBe("README.md\nstaged\n");
    expect(served.fetched()).toEqual([]);
  });

  test("is listed whole, on as many pages as it takes", async () => {
    const origin = lab.keep(makeRepository());
    // A hundred and more in one of the 256 directories; a page has room for 64.
    const inFirst = (n: number): boolean => hashObject("sha1", "blob", Buffer.from(`${n}\n`))[0] === 0;
    const numbers = Array.from({ length: 30_000 }, (_, n) => n).filter(inFirst);
    const files = numbers.map((n) => `M 100644 inline many/${n}\ndata <<.\n${n}\n.\n`);
    const head =
      "commit refs/heads/main\ncommitter C <c@example.com> 1700000000 +0000\ndata 0\nfrom refs/heads/main^0\n";
    git(origin, ["fast-import", "--quiet"], head + files.join(""));
    const { directory } = await lab.mountRepository(origin);
    const list =
      "d=$(git rev-parse --git-dir); : > $d/index.lock; ls -A .git:millrace-promised/*/; rm $d/index.lock";
    const { out } = await runShell(list, directory);
    const ids = new Set(
      git(origin, ["ls-tree", "-r", "--format=%(objecttype) %(objectname)", "main"]).split("\n"),
    );
    const blobs = [...ids].filter((line) => line.startsWith("blob ")).map((line) => line.slice(5 + 2));
    expect(
      out
        .split("\n")
        .filter((line) => /^[0-9a-f]{38}$/.test(line))
        .toSorted(),
    ).toEqual(blobs.toSorted());
  });
});
