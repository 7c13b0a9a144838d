import { basename, dirname } from "node:path";
import type { Contest, Subject } from "../bench-case.ts";
import type { Lab } from "../lab.ts";
import { type OperationRun, measureServer } from "../servers/measure-server.ts";
import type { ServerUnderTest } from "../servers/server-under-test.ts";
import { type FetchRequest, fetchedPack, fetchPack, objectsIn } from "../wire/fetch.ts";

/** How long a short operation is repeated, in seconds. */
export function repeatSeconds(lab: Lab): number {
  return lab.quick ? 0 : 1;
}

/** The folder that servers are started over, and the measured repository's name in it. */
export function served(lab: Lab): { root: string; repository: string } {
  return { root: dirname(lab.repository.path), repository: basename(lab.repository.path) };
}

/** Every object that a ref points to, each once. */
export function allTips(lab: Lab): string[] {
  return [...new Set(lab.repository.refs.map(({ oid }) => oid))];
}

/** Both servers, started for as long as one contest lasts. */
export async function* overServers(
  lab: Lab,
  name: string,
  measure: (server: ServerUnderTest) => Subject["measure"],
  check: (server: ServerUnderTest, subject: string) => Promise<void>,
): AsyncGenerator<Contest> {
  const { root } = served(lab);
  await using git = await lab.startGit(root);
  await using millrace = await lab.startMillrace(root);
  await check(git, "git");
  await check(millrace, "millrace");
  yield {
    name,
    subjects: [
      { name: "git", measure: measure(git) },
      { name: "millrace", measure: measure(millrace) },
    ],
  };
}

/** How the answers of both servers are held against each other. */
export interface FetchContestOptions {
  /** The number of objects that the pack must hold. Default: as many as git sends. */
  readonly objects?: number | undefined;
  /** Judges each answer instead of that: either may send more objects than it had to. Throws where one will not do. */
  readonly judge?: ((pack: Buffer) => Promise<void>) | undefined;
}

/** A contest of servers that have answered the request before. */
export async function* fetchContest(
  lab: Lab,
  name: string,
  request: FetchRequest,
  { objects, judge }: FetchContestOptions = {},
): AsyncGenerator<Contest> {
  const { repository } = served(lab);
  let expected = objects;
  yield* overServers(
    lab,
    name,
    (server) => () =>
      measureServer(server, fetching(server, repository, request), { atLeastSeconds: repeatSeconds(lab) }),
    async ({ port }, subject) => {
      const pack = await fetchedPack(port, repository, request);
      if (judge !== undefined) return judge(pack);
      const count = objectsIn(pack);
      expected ??= count;
      if (count !== expected) {
        throw new Error(`${name}: ${subject} sent ${count} objects, not ${expected}`);
      }
    },
  );
}

/** A fetch as an operation to be measured. */
export function fetching(
  { port }: ServerUnderTest,
  repository: string,
  request: FetchRequest,
): () => Promise<OperationRun> {
  return () => fetchPack(port, repository, request);
}
