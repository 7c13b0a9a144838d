import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BenchCase, Contest } from "../bench-case.ts";
import type { Lab } from "../lab.ts";
import { gitEnvironment } from "@millrace/scenarios/git";
import { git } from "../process/git.ts";
import { runCommand } from "../process/run-command.ts";
import { type OperationRun, measureServer } from "../servers/measure-server.ts";
import type { ServerUnderTest } from "../servers/server-under-test.ts";
import { allTips, fetchContest, overServers, repeatSeconds, served } from "./warm-contest.ts";

interface PartialClone {
  readonly name: string;
  /** Of `git clone`. */
  readonly flags: readonly string[];
  /** Of the fetch request that begins it (gitprotocol-v2). */
  readonly lines: readonly string[];
  /** Only the newest state is asked for. */
  readonly tipOnly?: boolean | undefined;
}

/** Clones that leave something out: the request drained into a raw socket, and git's whole command. */
export const partialCase: BenchCase = {
  name: "partial",
  async *contests(lab) {
    for (const clone of await partialClones(lab)) {
      const wants = clone.tipOnly === true ? [lab.repository.tip] : allTips(lab);
      yield* fetchContest(lab, `${clone.name}, raw`, { wants, lines: clone.lines });
      yield* commandContest(lab, clone);
    }
  },
};

async function partialClones(lab: Lab): Promise<PartialClone[]> {
  const bare = (filter: string): PartialClone => ({
    name: filter,
    flags: ["--bare", `--filter=${filter}`],
    lines: [`filter ${filter}`],
  });
  return [
    bare("blob:none"),
    bare("tree:0"),
    bare("blob:limit=1k"),
    { name: "depth=1", flags: ["--bare", "--depth=1"], lines: ["deepen 1"], tipOnly: true },
    {
      name: "sparse",
      // With a checkout, for which the missing blobs are fetched.
      flags: ["--filter=blob:none", "--sparse"],
      lines: [`filter sparse:oid=${await storePatterns(lab)}`],
    },
  ];
}

/** Stores what a sparse checkout starts with, the files of the topmost folder, as a blob that a filter can name. */
async function storePatterns(lab: Lab): Promise<string> {
  const file = join(await lab.folder("patterns"), "sparse-checkout");
  await writeFile(file, "/*\n!/*/\n");
  return git(lab.repository.path, ["hash-object", "-w", file]);
}

async function* commandContest(lab: Lab, { name, flags }: PartialClone): AsyncGenerator<Contest> {
  const { repository } = served(lab);
  const clone = async ({ port }: ServerUnderTest): Promise<OperationRun> => {
    const folder = await lab.folder("partial");
    const url = `http://127.0.0.1:${port}/${repository}`;
    const args = ["clone", "--quiet", ...flags, url, join(folder, "clone")];
    const { wallSeconds } = await runCommand("git", args, { env: gitEnvironment });
    await rm(folder, { recursive: true });
    return { wallSeconds };
  };
  yield* overServers(
    lab,
    `${name}, git clone`,
    (server) => () => measureServer(server, () => clone(server), { atLeastSeconds: repeatSeconds(lab) }),
    async (server) => void (await clone(server)),
  );
}
