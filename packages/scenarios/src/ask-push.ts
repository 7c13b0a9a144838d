import { cpSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import {
  type ProtocolError,
  type ProtocolVersion,
  advertiseReceivePack,
  serveReceivePack,
} from "@millrace/protocol-v2";
import { withRepository } from "./ask-fetch.ts";
import { configure } from "./fixtures.ts";
import { git, tryGit } from "./git.ts";
import { bandOf, collect, readPackets } from "./packets.ts";
import { errorOf, plainText } from "./read-answer.ts";
import { runGit } from "./run-git.ts";

/** What became of a push, and of the repository that it went to. */
export interface PushAnswer {
  /** What killed the service. */
  readonly error: string | undefined;
  /** The report's lines, and everything outside of bands. */
  readonly report: readonly string[];
  /** What the user is told besides, but for progress. */
  readonly told: readonly string[];
  readonly refs: string;
  readonly head: string;
  readonly shallow: string;
  /** Whether git finds everything that refs need. */
  readonly isWhole: boolean;
}

/** A repository that is made anew for each push. */
export interface PushTarget {
  readonly fixture: string;
  readonly copy: string;
  readonly config: readonly string[];
}

/** Pushes to a copy with the real `git receive-pack`. */
export async function pushToGit(target: PushTarget, request: Buffer): Promise<PushAnswer> {
  await makeCopy(target);
  const { stdout, stderr, status } = runGit(target.copy, ["receive-pack", "--stateless-rpc", "."], request);
  const fatal = [...stderr.matchAll(/^fatal: (.*)$/gm)].at(-1)?.[1];
  const error = status === 0 ? undefined : (fatal ?? String(status));
  const answer = readReport(stdout, error);
  // What it says before it knows of bands, its user sees over ssh.
  const warnings = stderr.split("\n").filter((line) => line.startsWith("warning: skipping"));
  return { ...answer, told: [...warnings, ...answer.told], ...(await stateOf(target.copy)) };
}

/** Pushes to a copy with our own server. */
export async function pushToMillrace(target: PushTarget, request: Buffer): Promise<PushAnswer> {
  await makeCopy(target);
  let error: ProtocolError | undefined;
  const bytes = await withRepository(target.copy, async (repository) => {
    const receiver = await repository.openReceiver();
    try {
      const onError = (told: ProtocolError): void => {
        error = told;
      };
      return await collect(serveReceivePack(receiver, [request], { onError }));
    } finally {
      await receiver[Symbol.asyncDispose]();
    }
  });
  const said = error && (error.clientMessage ?? error.message);
  return { ...readReport(bytes, said), ...(await stateOf(target.copy)) };
}

/** What both say first, over HTTP. */
export async function pushAdvertisements(
  directory: string,
  version: ProtocolVersion,
): Promise<{ theirs: Buffer; ours: Buffer }> {
  const theirs = runGit(directory, ["receive-pack", "--http-backend-info-refs", "."], undefined, {
    GIT_PROTOCOL: `version=${version}`,
  });
  const ours = await withRepository(directory, async (repository) => {
    const receiver = await repository.openReceiver();
    try {
      return await collect(advertiseReceivePack(receiver, { version }));
    } finally {
      await receiver[Symbol.asyncDispose]();
    }
  });
  return { theirs: theirs.stdout, ours };
}

async function makeCopy({ fixture, copy, config }: PushTarget): Promise<void> {
  // By the hundred; the asynchronous forms take five times as long.
  rmSync(copy, { recursive: true, force: true });
  cpSync(fixture, copy, { recursive: true });
  await configure(copy, config);
}

/** Takes the report out of its bands. */
function readReport(bytes: Buffer, error: string | undefined): Pick<PushAnswer, "error" | "report" | "told"> {
  const { found } = readPackets(bytes);
  const outer = found.filter((each) => typeof each === "string" || (each[0] ?? 0) > 2).map(plainText);
  const inner = Buffer.concat(found.flatMap((each) => bandOf(each, 1) ?? []));
  const report = inner.length === 0 ? [] : readPackets(inner).found.map(plainText);
  const last = error === undefined ? undefined : errorOf(outer.at(-1));
  if (last !== undefined) outer.pop();
  const told = Buffer.concat(found.flatMap((each) => bandOf(each, 2) ?? [])).toString();
  return { error: last ?? error, report: [...report, "|", ...outer], told: told.split("\n").filter(isTold) };
}

function isTold(line: string): boolean {
  return (
    line !== "" &&
    !/^(?:Unpacking objects|Receiving objects|Resolving deltas|Checking connectivity)/.test(line)
  );
}

async function stateOf(
  directory: string,
): Promise<Pick<PushAnswer, "refs" | "head" | "shallow" | "isWhole">> {
  const cwd = directory;
  const refs = await git(["for-each-ref", "--format=%(objectname) %(refname) %(symref)"], { cwd });
  const { status } = await tryGit(["rev-list", "--objects", "--all", "--quiet"], { cwd });
  return {
    refs,
    head: await readFile(`${directory}/HEAD`, "utf8"),
    shallow: await readFile(`${directory}/shallow`, "utf8").catch(() => ""),
    isWhole: status === 0,
  };
}
