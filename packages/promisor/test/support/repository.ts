import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runSync } from "@millrace/git-lab";

const environment: NodeJS.ProcessEnv = {
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

/** Runs git and wants success; answers its output without the last line feed. */
export function git(cwd: string, args: readonly string[], input: string | Uint8Array = ""): string {
  return gitBytes(cwd, args, input).toString().replace(/\n$/, "");
}

/** The same, as bytes. */
export function gitBytes(cwd: string, args: readonly string[], input: string | Uint8Array = ""): Buffer {
  const { status, stdout, stderr } = runSync("git", args, { cwd, input, env: environment });
  if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr.toString()}`);
  return stdout;
}

/** A repository with a few commits over a small tree, which lets clients ask for whatever they like. */
export interface LentRepository extends AsyncDisposable {
  readonly root: string;
  readonly path: string;
  oid(name: string): string;
}

export async function createLentRepository(format: "sha1" | "sha256" = "sha1"): Promise<LentRepository> {
  const root = await mkdtemp(join(tmpdir(), "millrace-promisor-"));
  const path = join(root, "lent");
  git(root, ["init", "-q", "-b", "main", `--object-format=${format}`, path]);
  for (const key of ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"])
    git(path, ["config", key, "true"]);
  for (let n = 1; n <= 6; n++) {
    await mkdir(join(path, "src", `part-${n % 3}`), { recursive: true });
    await writeFile(join(path, "README"), `version ${n}\n`);
    for (let file = 0; file < 4; file++) {
      await writeFile(
        join(path, "src", `part-${n % 3}`, `file-${file}.txt`),
        `${n} ${file}\n`.repeat(40 + n),
      );
    }
    git(path, ["add", "."]);
    git(path, ["commit", "-q", "-m", `commit ${n}`]);
  }
  await writeFile(join(path, "large.bin"), Buffer.alloc(3 << 20, "large"));
  git(path, ["add", "."]);
  git(path, ["commit", "-q", "-m", "large"]);
  return {
    root,
    path,
    oid: (name) => git(path, ["rev-parse", name]),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}
