import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { git } from "../process/git.ts";
import { initBare } from "./init-bare.ts";

const COMMITS = 500;
/** One ref in so many is an annotated tag. */
const TAG_EVERY = 10;
const PERSON = "C O Mitter <committer@example.com>";

/** Makes a bare repository with so many packed refs to a few hundred commits and tags. */
export async function createManyRefs(path: string, count: number): Promise<void> {
  await initBare(path);
  const stream = join(path, "stream");
  await writeFile(stream, [...importStream()].join(""));
  await git(path, ["fast-import", "--quiet", "--done"], { stdin: stream });
  const format = "--format=%(objectname) %(*objectname)";
  const tags = (await git(path, ["for-each-ref", format, "refs/tags"]))
    .split("\n")
    .map((line) => line.split(" "));
  const commits = (await git(path, ["rev-list", "main"])).split("\n");
  const lines = ["# pack-refs with: peeled fully-peeled sorted "];
  const tagCount = Math.floor(count / TAG_EVERY);
  const number = (i: number): string => String(i).padStart(7, "0");
  lines.push(`${commits[0]} refs/heads/main`);
  for (let i = 0; i < count - tagCount - 1; i++) {
    lines.push(`${commits[i % commits.length]} refs/heads/topic/${number(i)}`);
  }
  for (let i = 0; i < tagCount; i++) {
    const [tag, peeled] = tags[i % tags.length] ?? [];
    lines.push(`${tag} refs/tags/release-${number(i)}`, `^${peeled}`);
  }
  await git(path, ["for-each-ref", "--format=delete %(refname)"]).then(async (deletions) => {
    await writeFile(stream, `${deletions}\n`);
    await git(path, ["update-ref", "--stdin"], { stdin: stream });
  });
  await writeFile(join(path, "packed-refs"), `${lines.join("\n")}\n`);
  await git(path, ["repack", "-adbq"]);
}

function* importStream(): Generator<string> {
  for (let i = 0; i < COMMITS; i++) {
    const when = `${1_600_000_000 + i} +0000`;
    yield `commit refs/heads/main\nmark :${i + 1}\ncommitter ${PERSON} ${when}\ndata 1\nc\n`;
    yield `M 100644 inline file\ndata 8\n${String(i).padStart(7, "0")}\n\n`;
    if (i % 5 === 0) yield `tag t${i}\nfrom :${i + 1}\ntagger ${PERSON} ${when}\ndata 1\nt\n`;
  }
  yield "done\n";
}
