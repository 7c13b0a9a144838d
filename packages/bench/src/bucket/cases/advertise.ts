import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { git } from "../../process/git.ts";
import { initBare } from "../../repositories/init-bare.ts";
import { createManyRefs } from "../../repositories/many-refs.ts";
import { lsRefs } from "../../wire/fetch.ts";
import { type PushedPack, pushPack } from "../../wire/push.ts";
import type { BucketCase } from "../bucket-case.ts";
import type { BucketLab } from "../bucket-lab.ts";
import type { Row, RowBound } from "../row.ts";

const BRANCHES = 50;
const TAGS = 200;
const MANY = 100_000;

/** All refs with peeled tags: by a server that has seen the repository, and by one that has just been started. */
export const advertiseCase: BucketCase = {
  name: "advertise",
  async *rows(lab) {
    const few = join(await lab.folder("few"), "few.git");
    await createBranchesAndTags(few);
    yield* advertise(lab, few, `${BRANCHES} branches and ${TAGS} tags`, { seconds: 0.15, chain: 1 });
    yield* advertiseBare(lab, few);
    const many = join(await lab.folder("many"), "many.git");
    const count = lab.isQuick ? 2000 : MANY;
    await createManyRefs(many, count);
    yield* advertise(lab, many, `${count.toLocaleString("en")} refs`, { chain: 1, requests: 1 });
  },
};

async function* advertise(
  lab: BucketLab,
  source: string,
  title: string,
  warmBound: RowBound,
): AsyncGenerator<Row> {
  const name = source.slice(source.lastIndexOf("/") + 1);
  await using first = await lab.serve();
  lab.proxy.latencyMs = 0;
  // git itself takes minutes to send so many commands.
  await pushPack(first.port, name, await everything(source));
  await using server = await lab.serve();
  const list = (): Promise<unknown> => lsRefs(server.port, name);
  yield { case: title, variant: "cold", ...(await lab.watch(list)), bound: { chain: 4 } };
  yield { case: title, variant: "warm", ...(await lab.watch(list)), bound: warmBound };
}

/** The one pack of a repository, and all its refs. */
async function everything(source: string): Promise<PushedPack> {
  await git(source, ["repack", "-adq"]);
  const folder = join(source, "objects/pack");
  const pack = (await readdir(folder)).find((file) => file.endsWith(".pack"));
  const listed = await git(source, ["for-each-ref", "--format=%(objectname) %(refname)"]);
  const refs = listed.split("\n").map((line) => {
    const [oid = "", name = ""] = line.split(" ");
    return { oid, name };
  });
  return { refs, packPath: join(folder, pack ?? "") };
}

/** The same refs as objects of their own, which have to be listed and read: one after another, and many at once. */
async function* advertiseBare(lab: BucketLab, source: string): AsyncGenerator<Row> {
  const name = "bare.git";
  {
    await using first = await lab.serve({ query: "?layout=bare" });
    lab.proxy.latencyMs = 0;
    // What comes with the repository lies in one file, what comes later in an object for each ref.
    await git(source, ["push", "--quiet", `${first.url}/${name}`, "topic-1"]);
    await git(source, ["push", "--quiet", "--mirror", `${first.url}/${name}`]);
  }
  const title = `${BRANCHES} branches and ${TAGS} tags, layout bare`;
  for (const [how, query] of [
    ["one at a time", "&listRefsConcurrency=1&listRefsTimeoutMs=120000"],
    ["32 at once", ""],
  ] as const) {
    await using server = await lab.serve({ query: `?layout=bare${query}` });
    const list = (): Promise<unknown> => lsRefs(server.port, name);
    const bound = query === "" ? { seconds: 1.5 } : undefined;
    yield { case: title, variant: `cold, ${how}`, ...(await lab.watch(list)), bound };
    yield { case: title, variant: `warm, ${how}`, ...(await lab.watch(list)) };
  }
}

async function createBranchesAndTags(path: string): Promise<void> {
  await initBare(path);
  const stream: string[] = [];
  const person = "C <c@example.com> 1700000000 +0000";
  for (let i = 1; i <= BRANCHES; i++) {
    stream.push(`commit refs/heads/topic-${i}\nmark :${i}\ncommitter ${person}\ndata 2\n${i % 10}\n`);
    if (i > 1) stream.push(`from :${i - 1}\n`);
  }
  for (let i = 0; i < TAGS; i++) {
    stream.push(`tag v${i}\nfrom :${1 + (i % BRANCHES)}\ntagger ${person}\ndata 2\nt\n`);
  }
  await writeFile(join(path, "stream"), `${stream.join("\n")}\ndone\n`);
  await git(path, ["fast-import", "--quiet", "--done"], { stdin: join(path, "stream") });
}
