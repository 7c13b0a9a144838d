import type { MessagePort } from "node:worker_threads";
import type { Oid } from "@millrace/pack";
import type { FileIdentity } from "../cache/verified-files.ts";
import type { OpenBlob } from "../hydrator/blobs.ts";
import type { ViewSource } from "../view/view.ts";
import type { FromSource, OpenedBlob, ToSource } from "./messages.ts";
import { TreeWalk, type WalkedTrees } from "./tree-walk.ts";

/** What is served to a view in another thread. */
export interface ServedSource extends ViewSource {
  /** Told of each fault, with the request that met it. */
  readonly onFault?: ((error: unknown) => void) | undefined;
  /** Tells of files that the view's thread may open by itself. */
  readonly files?: VerifiedFileSource | undefined;
  /** Has trees told ahead of a walk, which are these. */
  readonly walked?: WalkedTrees | undefined;
}

/** Where files lie that are verified, and when one is. */
export interface VerifiedFileSource {
  readonly folder: string;
  watchVerified(watcher: (oid: Oid, file: FileIdentity) => void): () => void;
}

/** Answers a view's thread, until the port is closed; what it has left open then is closed. */
export function serveSource(port: MessagePort, source: ServedSource): void {
  const blobs = new Map<number, OpenBlob>();
  const waiting = new Map<number, AbortController>();
  const walk = source.walked && new TreeWalk(source.walked);

  const perform = async (
    message: Extract<ToSource, { id: number }>,
    signal: AbortSignal,
  ): Promise<unknown> => {
    switch (message.ask) {
      case "tree": {
        const tree = await source.tree(message.oid);
        const ahead = (await walk?.ahead(message.oid, tree)) ?? [];
        if (ahead.length > 0) port.postMessage({ ahead } satisfies FromSource);
        return tree;
      }
      case "git":
        return await source.gitWorks?.();
      case "promised":
        return await source.promised?.();
      case "sizes":
        return await source.blobs.sizeOf(message.oids, signal);
      case "readable":
        return await blobs.get(message.blob)?.readable?.(message.endBytes, signal);
      case "open": {
        const blob = await source.blobs.open(message.oid, message.priority, signal);
        if (signal.aborted) {
          // They have left, and nobody would ever release it.
          blob.release();
          throw signal.reason;
        }
        blobs.set(message.id, blob);
        const { fd, sizeBytes, readable } = blob;
        return { fd, sizeBytes, isArriving: readable !== undefined } satisfies OpenedBlob;
      }
      default:
        throw new TypeError("no such question");
    }
  };

  const answer = async (message: Extract<ToSource, { id: number }>): Promise<void> => {
    const { id } = message;
    const stop = new AbortController();
    waiting.set(id, stop);
    let told: FromSource;
    try {
      told = { id, value: await perform(message, stop.signal) };
    } catch (error) {
      if (!stop.signal.aborted) source.onFault?.(error);
      const { message: words, code } = error as { message?: unknown; code?: unknown };
      told = { id, error: { message: String(words), code: typeof code === "string" ? code : undefined } };
    }
    waiting.delete(id);
    port.postMessage(told);
  };

  const forget = source.files && tellVerified(port, source.files);

  port.on("message", (message: ToSource) => {
    switch (message.ask) {
      case "leave":
        waiting.get(message.id)?.abort();
        // It may have been opened while the message was on its way.
        blobs.get(message.id)?.release();
        blobs.delete(message.id);
        return;
      case "release":
        blobs.get(message.blob)?.release();
        blobs.delete(message.blob);
        return;
      case "opened":
        for (const oid of message.oids) source.blobs.opened?.(oid);
        return;
      case "prefetch":
        source.blobs.prefetch(message.files);
        return;
      default:
        void answer(message);
    }
  });
  port.on("close", () => {
    forget?.();
    for (const stop of waiting.values()) stop.abort();
    for (const blob of blobs.values()) blob.release();
    blobs.clear();
  });
}

/** Tells of verified files, those of one turn at its end. */
function tellVerified(port: MessagePort, source: VerifiedFileSource): () => void {
  let files: (FileIdentity & { readonly oid: Oid })[] = [];
  return source.watchVerified((oid, { ino, size, mtimeMs }) => {
    if (files.push({ oid, ino, size, mtimeMs }) > 1) return;
    setImmediate(() => {
      port.postMessage({ verified: { folder: source.folder, files } } satisfies FromSource);
      files = [];
    });
  });
}
