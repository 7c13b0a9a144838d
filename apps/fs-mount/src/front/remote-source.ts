import type { MessagePort } from "node:worker_threads";
import type { Oid } from "@millrace/pack";
import { KnownFiles } from "../cache/known-files.ts";
import type { OpenBlob } from "../hydrator/blobs.ts";
import type { TreeContent, ViewSource } from "../view/view.ts";
import { waitFor } from "../view/wait.ts";
import type { FromSource, OpenedBlob, ToSource } from "./messages.ts";
import { TreesAhead } from "./trees-ahead.ts";

/** Files that were opened without asking are told of when there are so many, or after so long, in milliseconds. */
const TOLD_AT_ONCE = 64;
const TOLD_AFTER_MS = 50;

interface Question {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Asked<T> = T extends { readonly id: number } ? Omit<T, "id"> : never;

/** The source of a view whose content comes from another thread, where `serveSource` answers. */
export function connectSource(port: MessagePort): ViewSource {
  const questions = new Map<number, Question>();
  let lastId = 0;
  let isClosed = false;
  const send = (message: ToSource): void => port.postMessage(message);

  const ahead = new TreesAhead();
  let known: KnownFiles | undefined;
  let opened: Oid[] = [];
  let doesGitWork = false;

  const tellOpened = (): void => {
    const oids = opened;
    opened = [];
    if (oids.length > 0 && !isClosed) send({ ask: "opened", oids });
  };
  /** Many are told at once: a message takes longer than to open a file. */
  const noteOpened = (oid: Oid): void => {
    const count = opened.push(oid);
    if (count === TOLD_AT_ONCE) tellOpened();
    else if (count === 1) setTimeout(tellOpened, TOLD_AFTER_MS).unref();
  };
  const openHere = (oid: Oid): OpenBlob | undefined => {
    const here = isClosed ? undefined : known?.open(oid);
    if (here !== undefined) noteOpened(oid);
    return here;
  };

  port.on("message", (answer: FromSource) => {
    if ("ahead" in answer) {
      for (const each of answer.ahead) ahead.add(each);
      return;
    }
    if ("verified" in answer) {
      const { folder, files } = answer.verified;
      known ??= new KnownFiles(folder);
      for (const file of files) known.learn(file.oid, file);
      return;
    }
    const question = questions.get(answer.id);
    questions.delete(answer.id);
    if (question === undefined) return;
    if ("error" in answer) {
      const { message, code } = answer.error;
      question.reject(Object.assign(new Error(message), { code }));
    } else question.resolve(answer.value);
  });
  port.on("close", () => {
    isClosed = true;
    for (const { reject } of questions.values()) reject(ended());
    questions.clear();
  });

  const ask = async (question: Asked<ToSource>, signal?: AbortSignal): Promise<unknown> => {
    if (isClosed) throw ended();
    signal?.throwIfAborted();
    const id = ++lastId;
    const answer = new Promise<unknown>((resolve, reject) => questions.set(id, { resolve, reject }));
    send({ ...question, id });
    try {
      return await waitFor(answer, signal);
    } catch (error) {
      if (signal?.aborted === true && !isClosed) send({ ask: "leave", id });
      throw error;
    }
  };

  return {
    tree: (oid) => ahead.take(oid) ?? (ask({ ask: "tree", oid }) as Promise<TreeContent>),
    gitWorks(waiting) {
      if (doesGitWork) return undefined;
      return ask({ ask: "git" }, waiting?.signal).then(() => {
        doesGitWork = true;
      });
    },
    promised: async (waiting) =>
      ((await ask({ ask: "promised" }, waiting?.signal)) as Uint8Array | undefined) ?? new Uint8Array(),
    blobs: {
      openHere,
      async open(oid, priority, signal): Promise<OpenBlob> {
        const here = openHere(oid);
        if (here !== undefined) return here;
        const asked = ask({ ask: "open", oid, priority }, signal);
        // `ask` has numbered the question before it waited.
        const blob = lastId;
        const { fd, sizeBytes, isArriving } = (await asked) as OpenedBlob;
        const readable = async (endBytes: number, left?: AbortSignal): Promise<void> => {
          await ask({ ask: "readable", blob, endBytes }, left);
        };
        return {
          fd,
          sizeBytes,
          readable: isArriving ? readable : undefined,
          release: () => {
            if (!isClosed) send({ ask: "release", blob });
          },
        };
      },
      sizeOf: async (oids: readonly Oid[], signal) =>
        (await ask({ ask: "sizes", oids }, signal)) as ReadonlyMap<Oid, number>,
      prefetch(files) {
        if (!isClosed) send({ ask: "prefetch", files });
      },
    },
  };
}

function ended(): Error {
  return Object.assign(new Error("The mount has ended"), { code: "MOUNT_STOPPED" });
}
