import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runSync } from "@millrace/git-lab";

/** What git runs with: no settings of the machine. */
export const gitEnvironment: NodeJS.ProcessEnv = {
  PATH: process.env.PATH,
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.com",
  GIT_COMMITTER_NAME: "C",
  GIT_COMMITTER_EMAIL: "c@example.com",
};

/** A bare repository of the real git in a temporary folder. */
export interface GitRepository {
  readonly path: string;
  run(args: readonly string[], input?: string | Uint8Array): Buffer;
  text(args: readonly string[], input?: string): string;
  remove(): void;
}

export function createGitRepository(): GitRepository {
  const path = mkdtempSync(join(tmpdir(), "millrace-repository-"));
  const run = (args: readonly string[], input?: string | Uint8Array): Buffer => {
    const { status, stdout, stderr } = runSync("git", args, { cwd: path, env: gitEnvironment, input });
    if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr.toString()}`);
    return stdout;
  };
  run(["init", "--bare", "--quiet", "--initial-branch=main"]);
  return {
    path,
    run,
    text: (args, input) => run(args, input).toString().trim(),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/**
 * A history for `git fast-import`: commits with 0 to 2 parents, directories, moved files, file modes, and tags.
 * `shape` decides everything, so a failing case can be made again.
 */
export function fastImportStream(shape: readonly number[]): string {
  const lines: string[] = [];
  for (const [i, seed] of shape.entries()) {
    const mark = i + 1;
    const branch = `refs/heads/b${seed % 3}`;
    lines.push(`commit ${branch}`, `mark :${mark}`);
    // Now and then a clock that runs backwards.
    const time = 1_700_000_000 + i * 60 - (seed % 7 === 0 ? 86_400 : 0);
    lines.push(`committer C <c@example.com> ${time} +0000`, `data 5`, "text\n");
    if (i > 0 && seed % 11 !== 0) lines.push(`from :${Math.max(1, mark - 1 - (seed % 4))}`);
    if (i > 4 && seed % 5 === 0) lines.push(`merge :${1 + (seed % i)}`);
    const content = `content ${seed % 13}\n`.repeat(1 + (seed % 50));
    lines.push(`M 100644 inline d${seed % 4}/e${seed % 3}/f${seed % 5}`, `data ${content.length}`, content);
    if (seed % 6 === 0) lines.push(`M 100755 inline top${seed % 9}`, "data 4", "top\n");
    if (seed % 10 === 0) lines.push(`M 160000 ${"ab".repeat(20)} module`);
    if (seed % 8 === 0)
      lines.push(
        `tag t${mark}`,
        `from :${mark}`,
        "tagger T <t@example.com> 1700000000 +0000",
        "data 3",
        "tag",
      );
  }
  return `${lines.join("\n")}\ndone\n`;
}
