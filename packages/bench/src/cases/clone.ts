import { basename, dirname } from "node:path";
import type { BenchCase, Subject } from "../bench-case.ts";
import type { Lab } from "../lab.ts";
import { type OperationRun, measureServer } from "../servers/measure-server.ts";
import type { ServerUnderTest } from "../servers/server-under-test.ts";
import { type FetchRequest, countFetched, fetchPack } from "../wire/fetch.ts";

/** Everything, drained into a raw socket; git has a bitmap. */
export const cloneCase: BenchCase = {
  name: "clone",
  async *contests(lab) {
    const request: FetchRequest = { wants: [...new Set(lab.repository.refs.map(({ oid }) => oid))] };
    const { objects } = lab.repository.facts;
    yield { name: "cold", subjects: coldSubjects(lab, request) };
    yield* warmContest(lab, "warm", request, { objects });
  },
};

interface WarmOptions {
  /** How many objects every answer must hold; it must be the same from all where this is not given. */
  readonly objects?: number | undefined;
}

/** A contest of servers that have answered the request before. */
export async function* warmContest(
  lab: Lab,
  name: string,
  request: FetchRequest,
  { objects }: WarmOptions = {},
): AsyncGenerator<{ name: string; subjects: Subject[] }> {
  const { root, repository } = served(lab);
  await using git = await lab.startGit(root);
  await using millrace = await lab.startMillrace(root);
  const expected = objects ?? (await countFetched(git.port, repository, request));
  for (const [subject, { port }] of Object.entries({ git, millrace })) {
    const count = await countFetched(port, repository, request);
    if (count !== expected) throw new Error(`${name}: ${subject} sent ${count} objects, not ${expected}`);
  }
  const subject = (name: string, server: ServerUnderTest): Subject => ({
    name,
    measure: () =>
      measureServer(server, fetching(server, repository, request), { atLeastSeconds: lab.quick ? 0 : 1 }),
  });
  yield { name, subjects: [subject("git", git), subject("millrace", millrace)] };
}

function coldSubjects(lab: Lab, request: FetchRequest): Subject[] {
  const { root, repository } = served(lab);
  const subject = (name: string, start: () => Promise<ServerUnderTest>): Subject => ({
    name,
    async measure() {
      await using server = await start();
      return await measureServer(server, fetching(server, repository, request));
    },
  });
  return [subject("git", () => lab.startGit(root)), subject("millrace", () => lab.startMillrace(root))];
}

function fetching(
  { port }: ServerUnderTest,
  repository: string,
  request: FetchRequest,
): () => Promise<OperationRun> {
  return () => fetchPack(port, repository, request);
}

/** The folder that servers are started over, and the measured repository's name in it. */
export function served(lab: Lab): { root: string; repository: string } {
  return { root: dirname(lab.repository.path), repository: basename(lab.repository.path) };
}
