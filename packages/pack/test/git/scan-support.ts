import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Run, runSync } from "@millrace/git-lab";
import type { ObjectFormat } from "../../src/schema.ts";

/** A throw-away repository and the real git to ask about it. */
export interface GitRepository {
  readonly path: string;
  /** Runs git, throws where it fails. */
  git(args: readonly string[], input?: Uint8Array | string): Buffer;
  /** Runs git and returns everything it printed, whether it failed or not. */
  gitOutput(args: readonly string[], input?: Uint8Array | string): string;
  remove(): void;
}

const ENVIRONMENT = {
  PATH: process.env["PATH"],
  HOME: tmpdir(),
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "A U Thor",
  GIT_AUTHOR_EMAIL: "author@example.com",
  GIT_AUTHOR_DATE: "1700000000 +0100",
  GIT_COMMITTER_NAME: "C O Mitter",
  GIT_COMMITTER_EMAIL: "committer@example.com",
  GIT_COMMITTER_DATE: "1700000001 -0230",
};

export function makeRepository(format: ObjectFormat): GitRepository {
  const path = mkdtempSync(join(tmpdir(), "millrace-pack-"));
  const git = (args: readonly string[], input: Uint8Array | string): Run =>
    runSync("git", args, { cwd: path, env: ENVIRONMENT, input });
  const repository: GitRepository = {
    path,
    git(args, input = "") {
      const { status, stdout, stderr } = git(args, input);
      if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr.toString()}`);
      return stdout;
    },
    gitOutput(args, input = "") {
      const both = ["-c", 'alias.both=!f() { git "$@" 2>&1; }; f', "both"];
      return git([...both, ...args], input).stdout.toString("latin1");
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
  repository.git(["init", "--quiet", `--object-format=${format}`, "-b", "main", "."]);
  return repository;
}

/** One object as `git cat-file --batch` gives it. */
export interface GitObject {
  readonly oid: string;
  readonly type: "commit" | "tree" | "blob" | "tag";
  readonly content: Uint8Array;
}

/** Every object of the repository. */
export function readAllObjects(repository: GitRepository): GitObject[] {
  const output = repository.git(["cat-file", "--batch-all-objects", "--batch"]);
  const objects: GitObject[] = [];
  let at = 0;
  while (at < output.length) {
    const end = output.indexOf(10, at);
    const [oid, type, size] = output.toString("latin1", at, end).split(" ") as [
      string,
      GitObject["type"],
      string,
    ];
    const start = end + 1;
    objects.push({ oid, type, content: new Uint8Array(output.subarray(start, start + Number(size))) });
    at = start + Number(size) + 1;
  }
  return objects;
}

/** Fills the repository with a history of many small files, a large one, merges, tags and a gitlink. */
export function makeHistory(repository: GitRepository): void {
  const lines: string[] = [];
  const blob = (mark: number, text: string | Uint8Array) => {
    const bytes = Buffer.from(text as string, "latin1");
    lines.push(`blob\nmark :${mark}\ndata ${bytes.length}\n${bytes.toString("latin1")}\n`);
  };
  let mark = 1;
  let last = 0;
  let body = Array.from({ length: 400 }, (_, i) => `line ${i} ${(i * 2654435761) % 4294967296}`);
  for (let i = 0; i < 60; i++) {
    body = body.map((line, at) => (at === (i * 37) % 400 ? `${line} changed in ${i}` : line));
    const file = mark++;
    blob(file, body.join("\n"));
    const small = mark++;
    blob(small, i % 7 === 0 ? "" : `small ${i}`);
    const commit = mark++;
    lines.push(
      `commit refs/heads/main\nmark :${commit}\nauthor J\xf6rg <j@example.com> ${1e9 + i} +0000\n` +
        `committer J <j@example.com> ${1e9 + 60 * i} -0700\nencoding latin1\ndata 9\nch\xe4nge ${i % 10}\n` +
        (last === 0 ? "" : `from :${last}\n`) +
        `M 100644 :${file} directory/file.txt\nM 100755 :${small} small-${i}\n` +
        `M 120000 :${small} directory/deep/link-${i % 5}\n\n`,
    );
    last = commit;
  }
  let noise = 12345;
  const large = Uint8Array.from(
    { length: 300_000 },
    () => (noise = (noise * 1103515245 + 12345) >>> 0) >> 16,
  );
  blob(mark++, Buffer.from(large).toString("latin1"));
  lines.push(
    `commit refs/heads/main\nmark :${mark}\ncommitter J <j@example.com> 1500000000 +0000\ndata 5\nlarge\nfrom :${last}\n` +
      `merge :6\nmerge :9\nM 100644 :${mark - 1} large.bin\n` +
      `M 160000 ${"12".repeat(repository.git(["rev-parse", "--show-object-format"]).toString().trim() === "sha1" ? 20 : 32)} module\n\n`,
    `tag v1\nfrom :${mark}\ntagger J <j@example.com> 1500000001 +0000\ndata 3\nv1\n\n`,
  );
  repository.git(["fast-import", "--quiet"], Buffer.from(lines.join(""), "latin1"));
}
