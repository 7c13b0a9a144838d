import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runSync } from "@millrace/git-lab";

export const GIT_ENVIRONMENT: NodeJS.ProcessEnv = {
  PATH: process.env["PATH"],
  HOME: tmpdir(),
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "A U Thor",
  GIT_AUTHOR_EMAIL: "author@example.com",
  GIT_AUTHOR_DATE: "1700000000 +0000",
  GIT_COMMITTER_NAME: "C O Mitter",
  GIT_COMMITTER_EMAIL: "committer@example.com",
  GIT_COMMITTER_DATE: "1700000000 +0000",
};

/** Runs git, away from any mount of this process, and wants success. @returns its output without the last line feed */
export function git(cwd: string, args: readonly string[], input: string | Uint8Array = ""): string {
  const { status, stdout, stderr } = runSync("git", args, { cwd, input, env: GIT_ENVIRONMENT });
  if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr.toString()}`);
  return stdout.toString().replace(/\n$/, "");
}

/** Makes a repository with a few commits of all kinds of entries. @returns its folder, which has a working tree */
export function makeRepository(format: "sha1" | "sha256" = "sha1"): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-origin-"));
  git(folder, ["init", "-q", "-b", "main", `--object-format=${format}`, "."]);
  for (const key of ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"])
    git(folder, ["config", key, "true"]);
  const write = (path: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  for (let commit = 1; commit <= 3; commit++) {
    write("README.md", `version ${commit}\n`);
    for (let n = 0; n < 12; n++) {
      write(`src/part-${n % 3}/file-${n}.c`, `int f${n}(void) { return ${n * commit}; }\n`.repeat(5 + n));
    }
    git(folder, ["add", "."]);
    git(folder, ["commit", "-q", "-m", `commit ${commit}`]);
  }
  write("empty", "");
  write("large.bin", Buffer.alloc(3 << 20, "0123456789abcdef\n"));
  write("names/with space", "space\n");
  write("names/umlaut-\u00fc", "umlaut\n");
  write("run.sh", "#!/bin/sh\necho ran\n");
  chmodSync(join(folder, "run.sh"), 0o755);
  symlinkSync("src/part-0/file-0.c", join(folder, "link"));
  symlinkSync("nowhere/at/all", join(folder, "names", "dangling"));
  symlinkSync("src", join(folder, "to-folder"));
  const submodule = git(folder, ["rev-parse", "HEAD"]);
  git(folder, ["add", "."]);
  git(folder, ["update-index", "--add", "--cacheinfo", `160000,${submodule},vendored`]);
  mkdirSync(join(folder, "vendored"));
  git(folder, ["commit", "-q", "-m", "all kinds"]);
  return folder;
}
