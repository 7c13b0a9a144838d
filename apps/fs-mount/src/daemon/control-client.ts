import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { MountError } from "../errors.ts";
import { JsonLines, jsonLine } from "./lines.ts";
import { ControlAnswers, type ControlRequest, MAX_ANSWER_BYTES, NumberedAnswer } from "./protocol.ts";

/** What the daemon has refused or could not do, in its words. */
export class DaemonRefusal extends Error {
  override readonly name = "DaemonRefusal";
  /** Of any package's error. */
  readonly code: string | undefined;

  constructor(message: string, code: string | undefined) {
    super(message);
    this.code = code;
  }
}

type Answer<Request extends ControlRequest> = ControlAnswers[Request["command"]];

interface Question {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Connects to the daemon that listens at a path.
 * @throws MountError MOUNT_NO_DAEMON where none does; what the system says where it may not be opened
 */
export async function connectControl(path: string): Promise<ControlClient> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ECONNREFUSED") throw cause;
    throw new MountError("MOUNT_NO_DAEMON", `no daemon listens at ${path}`, { cause });
  }
  return new ControlClient(socket);
}

/** A connection to a daemon. */
export class ControlClient implements Disposable {
  readonly #socket: Socket;
  readonly #questions = new Map<number, Question>();
  #lastId = 0;

  /** @internal Use `connectControl`. */
  constructor(socket: Socket) {
    this.#socket = socket;
    const lines = new JsonLines(MAX_ANSWER_BYTES);
    socket.on("data", (chunk: Uint8Array) => {
      try {
        for (const line of lines.push(chunk)) this.#settle(NumberedAnswer.parse(line));
      } catch (error) {
        this.#end(new MountError("MOUNT_BAD_REQUEST", "the daemon's answer is malformed", { cause: error }));
        socket.destroy();
      }
    });
    const ended = (): void => this.#end(new MountError("MOUNT_NO_DAEMON", "the daemon has hung up"));
    socket.on("error", ended);
    socket.on("close", ended);
  }

  /** Asks, and waits for the answer. Throws DaemonRefusal, MOUNT_NO_DAEMON where it hangs up, MOUNT_BAD_REQUEST. */
  async ask<Request extends ControlRequest>(request: Request): Promise<Answer<Request>> {
    const id = ++this.#lastId;
    const answer = new Promise<unknown>((resolve, reject) => {
      if (!this.#socket.writable) reject(new MountError("MOUNT_NO_DAEMON", "the daemon has hung up"));
      else this.#questions.set(id, { resolve, reject });
    });
    this.#socket.write(jsonLine({ id, request }));
    const parsed = ControlAnswers[request.command].safeParse(await answer);
    if (parsed.success) return parsed.data as Answer<Request>;
    throw new MountError("MOUNT_BAD_REQUEST", "the daemon's answer is malformed: is it of another version?", {
      cause: parsed.error,
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #settle(answer: NumberedAnswer): void {
    const { id } = answer;
    const question = id === null ? undefined : this.#questions.get(id);
    if (answer.ok) question?.resolve(answer.value);
    else {
      const error = new DaemonRefusal(answer.error.message, answer.error.code);
      if (id === null) this.#end(error);
      else question?.reject(error);
    }
    if (id !== null) this.#questions.delete(id);
  }

  #end(error: Error): void {
    for (const { reject } of this.#questions.values()) reject(error);
    this.#questions.clear();
  }
}
