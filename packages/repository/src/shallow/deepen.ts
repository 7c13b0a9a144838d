import { type Oid, type OperationOptions, oidToBytes } from "@millrace/pack";
import type { Snapshot } from "@millrace/storage";
import { badRequest } from "../errors.ts";
import { findRefs } from "../fetch/find-ref.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import { areReachable } from "../walk/are-reachable.ts";
import { createBreather } from "../breather.ts";
import { CommitGraph } from "../walk/commit-graph.ts";
import { ObjectMarks } from "../walk/object-marks.ts";
import { peelTips } from "../walk/peel-tips.ts";
import { type Boundary, boundaryByDepth } from "./boundary-by-depth.ts";
import { boundaryOfSelection } from "./boundary-of-selection.ts";

/** How a client asks for less history, or for more of it than it has (gitprotocol-v2, "shallow"). */
export interface DeepenRequest extends OperationOptions {
  readonly wants: readonly Oid[];
  /** The client's shallow roots as it named them; those that are not here count for nothing. */
  readonly clientShallow: readonly Oid[];
  /** So many commits from each want, the want counted; `Infinity` is all of them. Not together with the others. */
  readonly depth?: number | undefined;
  /** `depth` counts from the client's shallow roots, as far as refs reach them. */
  readonly relative?: boolean | undefined;
  /** Only commits from this time on, in seconds. */
  readonly since?: number | undefined;
  /** Only commits that these refs, by any name that git resolves, do not reach. */
  readonly not?: readonly string[] | undefined;
}

/** Where the client's history will end. */
export interface ShallowUpdate {
  /** Commits that become shallow roots and are none yet at the client. */
  readonly shallow: readonly Oid[];
  /** Shallow roots of the client whose parents it gets now. */
  readonly unshallow: readonly Oid[];
}

/** What a boundary is sought in. */
export interface DeepenContext {
  readonly snapshot: Snapshot;
  readonly reader: ObjectReader;
}

/**
 * Finds where a shallow client's history will end, as git upload-pack does. Asked for nothing, it tells the own shallow
 * roots that the wants reach without passing one of the client's.
 * Throws `REPOSITORY_BAD_REQUEST` with git's words where nothing is selected or a name does not resolve.
 */
export async function deepen(context: DeepenContext, request: DeepenRequest): Promise<ShallowUpdate> {
  const { reader, snapshot } = context;
  const { depth, since, not = [], signal } = request;
  const clientShallow = await storedRoots(reader, request.clientShallow);
  const ownRoots = await snapshot.shallow({ signal });
  const isBySelection = since !== undefined || not.length > 0;
  if (depth !== undefined && isBySelection) {
    throw badRequest("git upload-pack: deepen and deepen-since (or deepen-not) cannot be used together");
  }
  const asksNothing = !isBySelection && depth === undefined;
  if (ownRoots.length === 0) {
    if (asksNothing) return { shallow: [], unshallow: [] };
    if (depth === Number.POSITIVE_INFINITY) return { shallow: [], unshallow: clientShallow };
  }

  const marks = new ObjectMarks(reader.format, await reader.graphs());
  const graph = new CommitGraph(reader, marks, asksNothing ? [...ownRoots, ...clientShallow] : ownRoots);
  const breather = createBreather(signal);
  const commitsOf = async (oids: readonly Oid[]): Promise<readonly number[]> =>
    (await peelTips(reader, marks, oids)).commits;

  let boundary: Boundary;
  if (isBySelection) {
    const wants = await commitsOf(request.wants);
    const excluded = await commitsOf(await resolveAll(snapshot, not, request));
    boundary = await boundaryOfSelection(graph, marks, { wants, excluded, since, breather });
  } else if (depth !== undefined && request.relative === true) {
    const isReachable = await areReachable(context, clientShallow, { signal });
    const starts = await commitsOf(clientShallow.filter((_, i) => isReachable[i]));
    boundary = await boundaryByDepth(graph, starts, depth + 1, breather);
  } else {
    boundary = await boundaryByDepth(
      graph,
      await commitsOf(request.wants),
      depth ?? Number.POSITIVE_INFINITY,
      breather,
    );
  }

  const known = new Set(clientShallow);
  return {
    shallow: boundary.ends.map((number) => marks.table.oidAt(number)).filter((oid) => !known.has(oid)),
    unshallow: clientShallow.filter((oid) => boundary.inner.has(marks.table.find(oidToBytes(oid)))),
  };
}

/** The client may have roots that are not here; what it names must be commits. Throws `REPOSITORY_BAD_REQUEST`. */
export async function storedRoots(reader: ObjectReader, oids: readonly Oid[]): Promise<readonly Oid[]> {
  const commits: Oid[] = [];
  for (const oid of new Set(oids)) {
    const info = await reader.info(oidToBytes(oid));
    if (info !== undefined && info.type !== "commit") throw badRequest(`invalid shallow object ${oid}`);
    if (info !== undefined) commits.push(oid);
  }
  return commits;
}

async function resolveAll(
  snapshot: Snapshot,
  names: readonly string[],
  { signal }: OperationOptions,
): Promise<readonly Oid[]> {
  const oids: Oid[] = [];
  for (const name of names) {
    const [oid, other] = await findRefs(snapshot, name, { signal });
    if (oid === undefined) {
      throw badRequest(`git upload-pack: deepen-not is not a ref: deepen-not ${name}`);
    }
    if (other !== undefined) {
      throw badRequest(`git upload-pack: ambiguous deepen-not: deepen-not ${name}`);
    }
    oids.push(oid);
  }
  return oids;
}
