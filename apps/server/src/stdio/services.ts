import { availableParallelism } from "node:os";
import type { Readable, Writable } from "node:stream";
import { createWorkerPool } from "@millrace/pack";
import {
  type ChunkPool,
  type ProtocolError,
  type ProtocolVersion,
  advertiseReceivePack,
  advertiseUploadPack,
  createChunkPool,
  serveReceivePack,
  serveUploadPack,
} from "@millrace/protocol-v2";
import { type Repository, openRepository } from "@millrace/repository";
import { type RepositoryStore, StorageError } from "@millrace/storage";
import { openFsRepository, type UpdateWorkTree } from "@millrace/storage-fs";
import { sendBytes } from "../send-bytes.ts";

/** What a stdio service talks through; git runs it with pipes or a socket at its ends. */
export interface StdioStreams {
  readonly input: Readable;
  readonly output: Writable;
}

/** git's own options of `upload-pack` and `receive-pack`, as far as they change the dialogue. */
export interface StdioOptions {
  /** The repository, bare or not, as git's own services find it. */
  readonly directory: string;
  /** Do not try `<directory>/.git` and `<directory>.git`. */
  readonly strict?: boolean | undefined;
  /** Where graphs of packs are kept between runs. Default: nowhere. */
  readonly cacheFolder?: string | undefined;
  /** One request and no advertisement (`--stateless-rpc`). */
  readonly statelessRpc?: boolean | undefined;
  /** Only the advertisement (`--http-backend-info-refs`, `--advertise-refs`). */
  readonly advertiseOnly?: boolean | undefined;
  readonly version: ProtocolVersion;
  readonly agent: string;
  /** Moves working trees for `receive.denyCurrentBranch=updateInstead`. Default: such pushes are refused. */
  readonly updateWorkTree?: UpdateWorkTree | undefined;
}

/** Serves one fetch over a pair of streams. Resolves with the exit status: 0, or 128 after an error the client was told. */
export async function uploadPackStdio(streams: StdioStreams, options: StdioOptions): Promise<number> {
  return withRepository(options, async (repository, conversation) => {
    const { version, agent, chunks } = conversation;
    const view = await repository.openView();
    try {
      const answer = options.advertiseOnly
        ? advertiseUploadPack(view, { version, agent, chunks })
        : serveUploadPack(view, streams.input, conversation);
      await sendBytes(answer, streams.output, { chunks, end: false });
    } finally {
      await view[Symbol.asyncDispose]();
    }
  });
}

/** Takes one push over a pair of streams. Resolves with the exit status, as `uploadPackStdio`. */
export async function receivePackStdio(streams: StdioStreams, options: StdioOptions): Promise<number> {
  return withRepository(options, async (repository, conversation) => {
    const { version, agent, chunks } = conversation;
    const receiver = await repository.openReceiver();
    try {
      const answer = options.advertiseOnly
        ? advertiseReceivePack(receiver, { version, agent, chunks })
        : serveReceivePack(receiver, streams.input, conversation);
      await sendBytes(answer, streams.output, { chunks, end: false });
    } finally {
      await receiver[Symbol.asyncDispose]();
    }
  });
}

interface Conversation {
  readonly version: ProtocolVersion;
  readonly agent: string;
  readonly stateless: boolean;
  readonly chunks: ChunkPool;
  readonly onError: (error: ProtocolError) => void;
}

async function withRepository(
  options: StdioOptions,
  serve: (repository: Repository, conversation: Conversation) => Promise<void>,
): Promise<number> {
  const { version, agent, statelessRpc: stateless = false } = options;
  let status = 0;
  const store = await openDirectory(options);
  const workers = createWorkerPool({ threads: availableParallelism() });
  const repository = openRepository(store, { workers });
  try {
    const onError = (): void => {
      status = 128;
    };
    await serve(repository, { version, agent, stateless, chunks: createChunkPool(), onError });
    return status;
  } finally {
    await workers[Symbol.asyncDispose]();
    await repository[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  }
}

/** Throws an error with git's own words where there is no repository. */
async function openDirectory(options: StdioOptions): Promise<RepositoryStore> {
  const { directory, strict, cacheFolder, updateWorkTree } = options;
  try {
    return await openFsRepository(directory, { strict, cacheFolder, updateWorkTree });
  } catch (cause) {
    if (!(cause instanceof StorageError) || cause.code !== "STORAGE_NOT_FOUND") throw cause;
    throw new Error(`'${directory}' does not appear to be a git repository`, { cause });
  }
}
