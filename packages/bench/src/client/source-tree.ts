import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { git } from "../process/git.ts";
import { initBare } from "../repositories/init-bare.ts";
import { createRandom, type Random } from "../repositories/random.ts";

/** A repository whose one commit has a tree that looks like a program's sources. */
export interface SourceTree {
  readonly path: string;
  readonly fileCount: number;
  /** Bytes of all files. */
  readonly totalBytes: number;
}

const FILES_IN_FOLDER = 25;
const WORDS =
  "const let return function import from export default async await class extends interface type string number boolean void null undefined if else for while switch case break new this value index result options error message path name data state event handler request response config server client session token buffer stream".split(
    " ",
  );

/**
 * Makes one with so many files, of so many bytes on average.
 * @param inOneFolder files, of those, that lie in one folder, `src/wide`
 */
export async function createSourceTree(
  root: string,
  fileCount: number,
  meanBytes: number,
  filesInFolder = FILES_IN_FOLDER,
  inOneFolder = 0,
): Promise<SourceTree> {
  const path = join(root, "sources.git");
  await initBare(path, { "uploadpack.allowFilter": "true", "uploadpack.allowAnySHA1InWant": "true" });
  const random = createRandom(7);
  const parts = ["commit refs/heads/main\ncommitter C <c@example.com> 1700000000 +0000\ndata 2\nc\n\n"];
  let totalBytes = 0;
  for (let i = 0; i < fileCount; i++) {
    // Between nothing and twice the mean.
    const text = sourceText(random, random.below(2 * meanBytes));
    const folder = Math.floor(i / filesInFolder);
    const name = i < fileCount - inOneFolder ? `part-${folder % 12}/module-${folder}` : "wide";
    parts.push(`M 100644 inline src/${name}/file-${i}.ts\ndata ${text.length}\n${text}\n`);
    totalBytes += text.length;
  }
  parts.push("done\n");
  const input = join(root, "fast-import");
  await writeFile(input, parts.join(""));
  await git(path, ["fast-import", "--quiet"], { stdin: input });
  await git(path, ["repack", "-adq"]);
  return { path, fileCount, totalBytes };
}

/** Lines of words; one in 2,000 tells of a `useState`, one in 2,000 of a `TODO`. */
function sourceText(random: Random, bytes: number): string {
  const lines: string[] = [];
  for (let length = 0; length < bytes; ) {
    const words = Array.from({ length: 3 + random.below(9) }, () => WORDS[random.below(WORDS.length)]);
    if (random.below(2000) === 0) words.push("useState(");
    if (random.below(2000) === 0) words.push("// TODO");
    const line = `${"  ".repeat(random.below(5))}${words.join(" ")};`;
    lines.push(line);
    length += line.length + 1;
  }
  return `${lines.join("\n")}\n`;
}
