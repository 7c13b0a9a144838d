import { writeFileSync } from "node:fs";
import {
  type ProtocolError,
  type ProtocolVersion,
  advertiseUploadPack,
  serveUploadPack,
} from "@millrace/protocol-v2";
import { type Repository, openRepository } from "@millrace/repository";
import { openFsRepository } from "@millrace/storage-fs";
import { collect, packets } from "./packets.ts";
import { runGit } from "./run-git.ts";

/** A request of upload-pack, and in which conversation it is made. */
export interface FetchCase {
  readonly version: ProtocolVersion;
  readonly stateless: boolean;
  readonly lines: readonly string[];
}

/** Bytes, and what killed the service that gave them. */
export interface RawFetchAnswer {
  readonly bytes: Buffer;
  readonly error: string | undefined;
}

/** Runs `fn` over our own server's view of a directory. */
export async function withRepository<T>(
  directory: string,
  fn: (repository: Repository) => Promise<T>,
): Promise<T> {
  const store = await openFsRepository(directory);
  const repository = openRepository(store);
  try {
    return await fn(repository);
  } finally {
    await repository[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  }
}

/** Asks the real `git upload-pack`. */
export function fetchFromGit(directory: string, request: FetchCase): RawFetchAnswer {
  const args = ["upload-pack", ...(request.stateless ? ["--stateless-rpc"] : []), "."];
  const { stdout, stderr, status } = runGit(directory, args, packets(...request.lines), {
    GIT_PROTOCOL: `version=${request.version}`,
  });
  return {
    bytes: stdout,
    error: status === 0 ? undefined : (/^fatal: (.*)$/m.exec(stderr)?.[1] ?? String(status)),
  };
}

/** Asks our own server. */
export function fetchFromMillrace(directory: string, request: FetchCase): Promise<RawFetchAnswer> {
  const { version, stateless } = request;
  return withRepository(directory, async (repository) => {
    const view = await repository.openView();
    let error: ProtocolError | undefined;
    try {
      const onError = (told: ProtocolError): void => {
        error = told;
      };
      const input = [packets(...request.lines)];
      const bytes = await collect(serveUploadPack(view, input, { version, stateless, onError }));
      return { bytes, error: error && (error.clientMessage ?? error.message) };
    } finally {
      await view[Symbol.asyncDispose]();
    }
  });
}

/** What both say first, over HTTP. */
export async function fetchAdvertisements(
  directory: string,
  version: ProtocolVersion,
): Promise<{ theirs: Buffer; ours: Buffer }> {
  const theirs = runGit(directory, ["upload-pack", "--http-backend-info-refs", "."], undefined, {
    GIT_PROTOCOL: `version=${version}`,
  });
  const ours = await withRepository(directory, async (repository) => {
    const view = await repository.openView();
    try {
      return await collect(advertiseUploadPack(view, { version }));
    } finally {
      await view[Symbol.asyncDispose]();
    }
  });
  return { theirs: theirs.stdout, ours };
}

/** What a client that makes this request has already, as `git` counts it in a repository that has everything. */
export function heldByClient(directory: string, lines: readonly string[], shallowFile: string): Set<string> {
  const named = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1).trim());
  const haves = named("have").filter((oid) => runGit(directory, ["cat-file", "-e", oid]).status === 0);
  if (haves.length === 0) return new Set();
  writeFileSync(
    shallowFile,
    named("shallow")
      .map((oid) => `${oid}\n`)
      .join(""),
  );
  const listed = runGit(directory, ["--shallow-file", shallowFile, "rev-list", "--objects", ...haves]);
  return new Set(
    listed.stdout
      .toString()
      .split("\n")
      .map((line) => line.split(" ")[0] ?? ""),
  );
}
