import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { git, type GitResult, runGit, runGitAsync } from "../support/git.ts";
import { createSampleRepository, type SampleRepository } from "../support/repository.ts";
import { type GitService, serveHttp, serveStdio } from "../support/serve-git.ts";

describe.each([
  ["over HTTP", serveHttp],
  ["over a pipe", serveStdio],
])("git %s", (_, serve) => {
  let sample: SampleRepository;
  let service: GitService;
  let clone: string;
  beforeAll(async () => {
    sample = await createSampleRepository();
    service = await serve(sample.root);
    clone = join(sample.root, "clone");
  });
  afterAll(async () => {
    await service.close();
    await sample.remove();
  });

  const run = async (...args: string[]): Promise<GitResult> => {
    const { options, cloneOptions } = service.client("bare.git");
    const command = args[0] === "clone" ? ["clone", ...cloneOptions, ...args.slice(1)] : args;
    const result = await runGitAsync(sample.root, ["-c", "protocol.version=2", ...options, ...command]);
    expect(result.status, result.stderr).toBe(0);
    return result;
  };
  const commitFile = async (name: string, message: string): Promise<void> => {
    await writeFile(join(clone, name), `${name}\n`);
    git(clone, "add", ".");
    git(clone, "commit", "-q", "-m", message);
  };

  it("clones", async () => {
    const { stderr } = await run("clone", "--progress", service.client("bare.git").url, clone);
    expect(stderr).toContain("remote: Enumerating objects: ");
    expect(stderr).toMatch(/remote: Counting objects: 100% \((\d+)\/\1\), done\./);
    expect(stderr).toMatch(/remote: Total \d+ /);
    expect(git(clone, "rev-parse", "HEAD")).toBe(sample.commits[3]);
    expect(git(clone, "rev-parse", "v1^{}")).toBe(sample.commits[2]);
    git(clone, "fsck", "--strict");
  });

  it("pushes, a new branch and a deletion too", async () => {
    await commitFile("pushed", "pushed");
    const { stderr } = await run(
      "-C",
      clone,
      "push",
      "--progress",
      "origin",
      "main",
      "main:refs/heads/copy",
      ":topic",
    );
    expect(stderr).toContain("[deleted]");
    const tip = git(clone, "rev-parse", "HEAD");
    expect(git(sample.bare, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")).toBe(
      `refs/heads/copy ${tip}\nrefs/heads/main ${tip}`,
    );
    git(sample.bare, "fsck", "--strict");
  });

  it("pushes with options, also from a clone that is shallow", async () => {
    const directory = join(sample.root, "shallow-clone");
    await run("clone", "-q", "--depth=1", service.client("bare.git").url, directory);
    git(directory, "commit", "-q", "--allow-empty", "-m", "from a shallow clone");
    await run("-C", directory, "push", "-q", "--push-option=a=b", "origin", "HEAD:refs/heads/from-shallow");
    expect(git(sample.bare, "rev-parse", "from-shallow")).toBe(git(directory, "rev-parse", "HEAD"));
    git(sample.bare, "fsck", "--strict");
    git(sample.bare, "branch", "-D", "from-shallow");
  });

  it("has nothing to push a second time", async () => {
    expect((await run("-C", clone, "push", "origin", "main")).stderr).toContain("Everything up-to-date");
  });

  it("fetches what is new, with negotiation and tags", async () => {
    for (let number = 0; number < 40; number++)
      git(clone, "commit", "-q", "--allow-empty", "-m", `local ${number}`);
    git(sample.work, "commit", "-q", "--allow-empty", "-m", "theirs");
    git(sample.work, "tag", "-a", "-m", "second", "v2");
    git(sample.work, "push", "-q", "--force", sample.bare, "HEAD:refs/heads/theirs", "v2");
    await run("-C", clone, "fetch", "origin");
    expect(git(clone, "rev-parse", "origin/theirs")).toBe(git(sample.work, "rev-parse", "HEAD"));
    expect(git(clone, "rev-parse", "v2^{}")).toBe(git(sample.work, "rev-parse", "HEAD"));
    expect((await run("-C", clone, "fetch", "origin")).stderr).toBe("");
  });

  it("negotiates only, when asked to", async () => {
    const { stdout } = await run(
      "-C",
      clone,
      "fetch",
      "--negotiate-only",
      "--negotiation-tip=main",
      "origin",
    );
    expect(stdout.toString().split("\n")[0]).toBe(git(clone, "rev-parse", "origin/main"));
  });

  it("hears why a push is refused", async () => {
    const { options } = service.client("bare.git");
    const args = [...options, "-C", clone, "push", "origin", "main:refs/heads/main/below"];
    const result = await runGitAsync(sample.root, args);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^remote: error: .*refs\/heads\/main/m);
    expect(result.stderr).toContain("[remote rejected] main -> main/below (failed to update ref)");
  });

  it("clones an empty repository with the right branch", async () => {
    const empty = join(sample.root, "from-empty");
    await run("clone", service.client("empty.git").url, empty);
    expect(git(empty, "symbolic-ref", "HEAD")).toBe("refs/heads/main");
    await rm(empty, { recursive: true });
  });

  it("hears what an object is missing", async () => {
    const { options } = service.client("bare.git");
    const args = ["-c", "protocol.version=2", ...options, "-C", clone, "fetch", "origin", "1".repeat(40)];
    const result = await runGitAsync(sample.root, args);
    expect(result.status).not.toBe(0);
    expect(result.stderr).toContain(`remote error: upload-pack: not our ref ${"1".repeat(40)}`);
  });

  describe.each([0, 1, 2])("in version %i", (version) => {
    const inVersion = async (...args: string[]): Promise<GitResult> => {
      const { options, cloneOptions } = service.client("bare.git");
      const config = ["-c", `protocol.version=${version}`];
      const command = args[0] === "clone" ? ["clone", ...cloneOptions, ...args.slice(1)] : args;
      const result = await runGitAsync(sample.root, [...config, ...options, ...command]);
      expect(result.status, result.stderr).toBe(0);
      return result;
    };
    const countOf = (directory: string): number => Number(git(directory, "rev-list", "--count", "HEAD"));
    const fresh = (name: string): string => join(sample.root, `${name}-${version}`);
    let url: string;
    beforeAll(() => {
      ({ url } = service.client("bare.git"));
      git(sample.bare, "tag", "-f", "base", sample.commits[1] ?? "");
    });

    it("clones, and fetches after much of its own", async () => {
      const directory = fresh("whole");
      await inVersion("clone", "-q", url, directory);
      git(directory, "fsck", "--strict");
      expect(git(directory, "rev-parse", "v1^{}")).toBe(sample.commits[2]);
      for (let number = 0; number < 100; number++)
        git(directory, "commit", "-q", "--allow-empty", "-m", `own ${number}`);
      git(sample.work, "commit", "-q", "--allow-empty", "-m", `for ${version}`);
      git(sample.work, "push", "-q", sample.bare, `HEAD:refs/heads/for-${version}`);
      await inVersion("-C", directory, "fetch", "-q", "origin");
      expect(git(directory, "rev-parse", `origin/for-${version}`)).toBe(
        git(sample.work, "rev-parse", "HEAD"),
      );
      git(directory, "fsck", "--strict");
    });

    it("clones a part of the history and deepens it", async () => {
      const directory = fresh("shallow");
      await inVersion("clone", "-q", "--depth=1", "--branch=v1", url, directory);
      expect(countOf(directory)).toBe(1);
      await inVersion("-C", directory, "fetch", "-q", "--deepen=1", "origin", "tag", "v1");
      expect(countOf(directory)).toBe(2);
      await inVersion("-C", directory, "fetch", "-q", "--unshallow", "origin");
      expect(countOf(directory)).toBe(3);
      git(directory, "fsck", "--strict");
    });

    it("clones what a tag does not reach", async () => {
      const directory = fresh("excluding");
      await inVersion("clone", "-q", "--shallow-exclude=base", "--branch=v1", url, directory);
      expect(countOf(directory)).toBe(1);
      git(directory, "fsck", "--strict");
    });

    it("clones in part, and fetches what is missing when it is read", async () => {
      const directory = fresh("partial");
      await inVersion("clone", "-q", "--filter=blob:none", "--no-checkout", url, directory);
      const missing = (): number =>
        git(directory, "rev-list", "--objects", "--missing=print", "HEAD").match(/^\?/gm)?.length ?? 0;
      expect(missing()).toBeGreaterThan(0);
      await inVersion("-C", directory, "checkout", "-q", "main");
      expect(missing()).toBe(0);
    });

    it("lists the refs", async () => {
      const { stdout } = await inVersion("ls-remote", "--symref", url);
      expect(stdout.toString()).toBe(
        runGit(sample.root, ["ls-remote", "--symref", sample.bare]).stdout.toString(),
      );
    });

    it("clones an empty repository", async () => {
      const directory = fresh("empty");
      await inVersion("clone", "-q", service.client("empty.git").url, directory);
    });
  });
});
