/** The thread of a `WorkerPool`: does one task after another. */
import { parentPort } from "node:worker_threads";
import { PackError } from "../errors.ts";
import { createFsckSession } from "../fsck/session.ts";
import type { LinkFragment } from "../graph/link-fragment.ts";
import { fileAccess } from "../read/file-access.ts";
import { measureBlobs } from "../receive/delta-sizes.ts";
import { FamilyResolver } from "../receive/family-resolver.ts";
import { LinkOutput } from "../receive/link-output.ts";
import { NO_INTAKE, ObjectIntake } from "../receive/object-intake.ts";
import { packedBytesOfFile } from "../receive/packed-entries.ts";
import { openSearchReaders, searchParts, STOP_SEARCH } from "../repack/search-parts.ts";
import { returnWorkspace, takeWorkspace } from "../receive/workspace.ts";
import {
  type DeltasRequest,
  NEXT_MEASURED,
  NEXT_ROOT,
  type ResolveRequest,
  RESOLVED,
  STOP,
  type WorkerAnswer,
  type WorkerRequest,
} from "./messages.ts";

/** Roots that a thread takes at a time. */
const CLAIM = 16;
/** Entries that a thread measures at a time. */
const MEASURED = 1024;
/** Thrown to leave the work where another thread has failed, or the caller has given up. */
const STOPPED: unique symbol = Symbol("stopped");

function tell(answer: WorkerAnswer, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(answer, transfer);
}

// What can be done before the first task is.
returnWorkspace(takeWorkspace());

parentPort?.on("message", (request: WorkerRequest) => {
  const work = request.kind === "deltas" ? searchDeltas(request) : resolve(request);
  work.then(
    () => tell({ kind: "done" }),
    (error: unknown) => tell(failure(error)),
  );
});

async function resolve(request: ResolveRequest): Promise<void> {
  const { format, columns, families, shared } = request;
  const workspace = takeWorkspace();
  const packed = packedBytesOfFile(request.fd);
  const session = request.withChecks ? createFsckSession(format) : undefined;
  const takeLinks = ({ words, oids }: LinkFragment): void =>
    tell({ kind: "links", fragment: { words, oids } }, [
      words.buffer as ArrayBuffer,
      oids.buffer as ArrayBuffer,
    ]);
  const links = new LinkOutput(workspace, format, request.withLinks ? takeLinks : undefined);
  const intake = new ObjectIntake(workspace, {
    format,
    detectCollisions: request.detectCollisions,
    session,
    onFindings: (type, oid, findings) => tell({ kind: "findings", type, oid, findings }),
    visit: undefined,
  });
  try {
    const resolver = new FamilyResolver({
      workspace,
      columns,
      families,
      slabs: request.slabs,
      packed,
      intake: request.withHashes ? intake : NO_INTAKE,
      links,
      bounds: request.bounds,
      budgetBytes: request.budgetBytes,
      breathe(resolved) {
        Atomics.add(shared, RESOLVED, resolved);
        if (Atomics.load(shared, STOP) !== 0) throw STOPPED;
        return undefined;
      },
    });
    for (;;) {
      const first = Atomics.add(shared, NEXT_ROOT, CLAIM);
      if (first >= families.roots.length) break;
      const end = Math.min(first + CLAIM, families.roots.length);
      for (let i = first; i < end; i++) await resolver.resolveRoot(families.roots[i]!, request.isStored);
    }
    await resolver.finish();
    while (request.isStored) {
      const first = Atomics.add(shared, NEXT_MEASURED, MEASURED);
      if (first >= columns.count || Atomics.load(shared, STOP) !== 0) break;
      await measureBlobs({ workspace, columns, packed }, first, Math.min(first + MEASURED, columns.count));
    }
    links.finish();
    if (session !== undefined) tell({ kind: "special", ...session.pending() });
  } catch (error) {
    if (error === STOPPED) return;
    Atomics.store(shared, STOP, 1);
    throw error;
  } finally {
    // The turn to hold large objects is given back by the pool: this thread's memory is free when it has ended.
    packed.release();
    returnWorkspace(workspace);
  }
}

async function searchDeltas(request: DeltasRequest): Promise<void> {
  const { format, packs, shared } = request;
  const readers = openSearchReaders(
    packs.map(({ fd, sizeBytes, idx }) => ({ source: fileAccess(fd, sizeBytes), idx })),
    format,
  );
  try {
    await searchParts(
      request,
      readers,
      (batch) => tell({ kind: "deltas", batch }, [batch.bytes.buffer as ArrayBuffer]),
      () => {
        if (Atomics.load(shared, STOP_SEARCH) !== 0) throw STOPPED;
        return undefined;
      },
    );
  } catch (error) {
    if (error === STOPPED) return;
    Atomics.store(shared, STOP_SEARCH, 1);
    throw error;
  }
}

function failure(error: unknown): WorkerAnswer {
  const { message } = error as Error;
  if (!(error instanceof PackError)) {
    return { kind: "failed", code: undefined, message, offset: undefined, oid: undefined };
  }
  const { code, offset, oid } = error;
  return { kind: "failed", code, message, offset, oid };
}
