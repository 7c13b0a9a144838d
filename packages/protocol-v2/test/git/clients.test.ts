import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { git, type GitResult, runGitAsync } from "../support/git.ts";
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
    const { options } = service.client("bare.git");
    const result = await runGitAsync(sample.root, ["-c", "protocol.version=2", ...options, ...args]);
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

  it("hears that older versions are not served", async () => {
    const { options } = service.client("bare.git");
    const args = ["-c", "protocol.version=0", ...options, "-C", clone, "fetch", "origin"];
    const result = await runGitAsync(sample.root, args);
    expect(result.status).not.toBe(0);
    expect(result.stderr).toContain("remote error: this server serves fetches in protocol version 2 only");
  });
});
