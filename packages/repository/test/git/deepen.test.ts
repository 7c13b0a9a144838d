import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DeepenRequest, Repository } from "../../src/index.ts";
import { copyToMemory, packOf, withView } from "./memory-repository.ts";
import { type GitRepository, createGitRepository, fastImportStream } from "./real-git.ts";
import { type OracleRequest, askUploadPack, objectsOf } from "./upload-pack-oracle.ts";

const shapes = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 2, maxLength: 30 });
const picks = fc.array(fc.nat(), { minLength: 1, maxLength: 3 });

interface Subject {
  readonly source: GitRepository;
  readonly repository: Repository;
  readonly tips: readonly string[];
  readonly commits: readonly string[];
}

async function withSubject(shape: readonly number[], fn: (subject: Subject) => Promise<void>): Promise<void> {
  const source = createGitRepository();
  try {
    source.run(["fast-import", "--quiet"], fastImportStream(shape));
    const tips = source.text(["for-each-ref", "--format=%(objectname)"]).split("\n");
    const commits = source.text(["rev-list", "--all"]).split("\n");
    await fn({ source, repository: await copyToMemory(source), tips, commits });
  } finally {
    source.remove();
  }
}

function choose<T>(from: readonly T[], numbers: readonly number[]): T[] {
  return [...new Set(numbers.map((number) => from[number % from.length]!))];
}

/** Older versions of git do not tell these two apart. */
function inOldWords(text: string | undefined): string | undefined {
  return text?.replace("deepen-not is not a ref:", "ambiguous deepen-not:");
}

function linesOf(request: DeepenRequest): string[] {
  const lines: string[] = [];
  if (request.depth !== undefined) {
    lines.push(`deepen ${request.depth === Number.POSITIVE_INFINITY ? 2_147_483_647 : request.depth}`);
  }
  if (request.relative === true) lines.push("deepen-relative");
  if (request.since !== undefined) lines.push(`deepen-since ${request.since}`);
  for (const name of request.not ?? []) lines.push(`deepen-not ${name}`);
  return lines;
}

/** Asks both for the same boundary and pack. */
async function compare({ source, repository }: Subject, request: DeepenRequest): Promise<void> {
  const oracleRequest: OracleRequest = {
    wants: request.wants,
    shallow: request.clientShallow,
    lines: linesOf(request),
  };
  const expected = askUploadPack(source, oracleRequest);
  await withView(repository, async (view) => {
    let update: Awaited<ReturnType<typeof view.deepen>>;
    try {
      update = await view.deepen(request);
    } catch (error) {
      expect(error).toMatchObject({ code: "REPOSITORY_BAD_REQUEST" });
      const { clientMessage } = error as { clientMessage?: string };
      expect(inOldWords(clientMessage)).toBe(inOldWords(expected.error));
      return;
    }
    expect(expected.error).toBeUndefined();
    expect(update.shallow.toSorted()).toEqual(expected.shallow.toSorted());
    expect(update.unshallow.toSorted()).toEqual(expected.unshallow.toSorted());

    const { wants, clientShallow } = request;
    const pack = await packOf(view, { wants, clientShallow, shallowUpdate: update });
    expect(await objectsOf(pack)).toEqual(await objectsOf(expected.pack));
  });
}

describe("deepen", () => {
  it("cuts by depth where git upload-pack cuts", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(shapes, picks, fc.integer({ min: 1, max: 12 }), async (shape, a, depth) => {
        await withSubject(shape, async (subject) => {
          const wants = choose([...subject.tips, ...subject.commits], a);
          await compare(subject, { wants, clientShallow: [], depth });
        });
      }),
      { numRuns: 20 },
    );
  });

  it("moves a boundary where git upload-pack moves it", { timeout: 600_000 }, async () => {
    const depths = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(Number.POSITIVE_INFINITY));
    await fc.assert(
      fc.asyncProperty(shapes, picks, picks, depths, fc.boolean(), async (shape, a, b, depth, relative) => {
        await withSubject(shape, async (subject) => {
          const wants = choose(subject.tips, a);
          const clientShallow = choose(subject.commits, b);
          await compare(subject, { wants, clientShallow, depth, relative });
        });
      }),
      { numRuns: 25 },
    );
  });

  it("selects by time and by what refs do not reach, as git upload-pack does", {
    timeout: 600_000,
  }, async () => {
    const sinces = fc.option(fc.integer({ min: -1500, max: 3000 }), { nil: undefined });
    const names = fc.constantFrom("b0", "b1", "heads/b2", "refs/heads/b0", "t1", "t2", "none", "HEAD");
    await fc.assert(
      fc.asyncProperty(
        shapes,
        picks,
        fc.array(fc.nat(), { maxLength: 2 }),
        sinces,
        fc.array(names, { maxLength: 2 }),
        async (shape, a, b, age, not) => {
          await withSubject(shape, async (subject) => {
            const since = age === undefined && not.length === 0 ? 0 : age;
            await compare(subject, {
              wants: choose([...subject.tips, ...subject.commits], a),
              clientShallow: choose(subject.commits, b),
              since: since === undefined ? undefined : 1_700_000_000 + since,
              not,
            });
          });
        },
      ),
      { numRuns: 30 },
    );
  });
});
