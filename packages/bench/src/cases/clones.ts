import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { BenchCase, Subject } from "../bench-case.ts";
import type { Sample } from "../figures.ts";
import type { Lab } from "../lab.ts";
import { initBare } from "../repositories/init-bare.ts";
import { type OperationRun, measureServer } from "../servers/measure-server.ts";
import type { ServerUnderTest } from "../servers/server-under-test.ts";
import { fetchPack } from "../wire/fetch.ts";
import { pushPack } from "../wire/push.ts";
import { allTips, served } from "./warm-contest.ts";

const PUSHED = "pushed-beside.git";

/** Many clones of everything from one server at once, and with a push of everything beside them. */
export const clonesCase: BenchCase = {
  name: "clones",
  async *contests(lab) {
    const [many, some] = lab.quick ? [4, 2] : [20, 10];
    yield { name: `${many} at once`, subjects: inTurn(lab, (server) => cloneAtOnce(lab, server, many)) };
    yield {
      name: `${some} and a push`,
      subjects: inTurn(lab, (server) => cloneBesidePush(lab, server, some)),
    };
  },
};

function inTurn(lab: Lab, measure: (server: ServerUnderTest) => Promise<Sample>): Subject[] {
  const { root } = served(lab);
  const subject = (name: string, start: () => Promise<ServerUnderTest>): Subject => ({
    name,
    async measure() {
      await using server = await start();
      await clones(lab, server, 1);
      return await measure(server);
    },
  });
  return [subject("git", () => lab.startGit(root)), subject("millrace", () => lab.startMillrace(root))];
}

async function cloneAtOnce(lab: Lab, server: ServerUnderTest, count: number): Promise<Sample> {
  const alone = await measureServer(server, () => clones(lab, server, 1), { strain: true });
  const together = await measureServer(server, () => clones(lab, server, count), { strain: true });
  const grown = Math.max(0, (together.peakMemory ?? 0) - (alone.peakMemory ?? 0));
  return { ...together, memoryPerClone: grown / (count - 1) };
}

async function cloneBesidePush(lab: Lab, server: ServerUnderTest, count: number): Promise<Sample> {
  const target = join(served(lab).root, PUSHED);
  await initBare(target);
  const work = async (): Promise<OperationRun> => {
    const startedAt = performance.now();
    await Promise.all([clones(lab, server, count), pushPack(server.port, PUSHED, lab.repository)]);
    return { wallSeconds: (performance.now() - startedAt) / 1000 };
  };
  try {
    return await measureServer(server, work, { strain: true });
  } finally {
    await rm(target, { recursive: true });
  }
}

/** The time is that of the last to have everything. */
async function clones(lab: Lab, { port }: ServerUnderTest, count: number): Promise<OperationRun> {
  const { repository } = served(lab);
  const wants = allTips(lab);
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: count }, () => fetchPack(port, repository, { wants })));
  return { wallSeconds: (performance.now() - startedAt) / 1000 };
}
