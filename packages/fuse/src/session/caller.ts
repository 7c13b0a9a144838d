import type { Caller } from "../file-system.ts";
import type { RequestHeader } from "../protocol/decode.ts";

/** A caller whose signal is made when somebody looks at it: most requests are answered before anybody does. */
export class PendingCaller implements Caller {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  /** The session's step when it began to wait; see `Session.step`. */
  since = 0;
  #controller: AbortController | undefined;
  #reason: Error | undefined;

  constructor(header: RequestHeader) {
    this.uid = header.uid;
    this.gid = header.gid;
    this.pid = header.pid;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}
