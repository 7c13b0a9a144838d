import type { ObjectFormat } from "@millrace/pack";
import { git } from "./git.ts";
import { type WorkTree, openWorkTree } from "./work-tree.ts";

const FIRST_DATE = 1_700_000_000;
const DAY = 86_400;

/** When the history's n-th commit was made, in seconds. */
export function commitTime(n: number): number {
  return FIRST_DATE + n * DAY;
}

/**
 * Makes a repository with a day between its commits: 24 on `main` with two merged branches, one open branch, files in
 * folders, one file over 1 KiB, sparse-checkout patterns in `.sparse`, light and annotated tags.
 */
export async function createHistory(path: string, format: ObjectFormat): Promise<WorkTree> {
  await git(["init", "--quiet", `--object-format=${format}`, path]);
  await git(["fast-import", "--quiet"], { cwd: path, input: historyStream() });
  await git(["reset", "--quiet", "--hard", "main"], { cwd: path });
  return openWorkTree(path);
}

function historyStream(): string {
  const lines: string[] = [];
  let mark = 0;
  const commit = (
    branch: string,
    from: readonly number[],
    files: Readonly<Record<string, string>>,
  ): number => {
    mark += 1;
    const time = commitTime(mark);
    lines.push(`commit refs/heads/${branch}`, `mark :${mark}`, `author A <a@example.com> ${time} +0000`);
    lines.push(`committer C <c@example.com> ${time} +0000`, "data 2", `c\n`);
    const [first, ...merged] = from;
    if (first !== undefined) lines.push(`from :${first}`);
    for (const other of merged) lines.push(`merge :${other}`);
    for (const [name, content] of Object.entries(files)) {
      lines.push(`M 100644 inline ${name}`, `data ${Buffer.byteLength(content)}`, content);
    }
    return mark;
  };
  const tag = (name: string, target: number): void => {
    lines.push(
      `tag ${name}`,
      `from :${target}`,
      `tagger T <t@example.com> ${commitTime(target)} +0000`,
      "data 2",
      "t\n",
    );
  };

  let tip = commit("main", [], { README: "read me\n", ".sparse": "/docs/\n!/docs/secret*\n*.ts\n" });
  for (let i = 0; i < 8; i++) {
    tip = commit("main", [tip], {
      [`src/deep/er/f${i % 3}.ts`]: `${i}\n`.repeat(40),
      [`docs/page${i}.md`]: `page ${i}\n`,
    });
  }
  tag("v1", tip);
  for (let round = 0; round < 2; round++) {
    let side = commit(`side${round}`, [tip], { [`side/${round}.txt`]: `side ${round}\n` });
    tip = commit("main", [tip], { README: `round ${round}\n` });
    side = commit(`side${round}`, [side], {
      [`side/${round}.txt`]: `side again ${round}\n`,
      "docs/secret.md": `${round}\n`,
    });
    tip = commit("main", [tip, side], {
      [`side/${round}.txt`]: `side again ${round}\n`,
      "docs/secret.md": `${round}\n`,
    });
  }
  tip = commit("main", [tip], { "big.bin": "0123456789abcdef\n".repeat(200) });
  for (let i = 0; i < 4; i++) tip = commit("main", [tip], { "src/main.ts": `main ${i}\n`.repeat(60 + i) });
  tag("v2", tip);
  commit("open", [tip - 2], { "open.txt": "open\n" });
  lines.push("reset refs/tags/light", `from :${tip - 1}`, "", "done");
  return `${lines.join("\n")}\n`;
}
