import type { ObjectFormat, OperationOptions } from "@millrace/pack";
import type { Head } from "@millrace/storage";
import type { ReceiveReport, ReceiveRequest } from "./receive/receive.ts";
import type { ListRefsOptions, ListedRef } from "./refs/list-refs.ts";
import type { RepositoryView } from "./repository-view.ts";

/** What a push is offered: the refs as they were when it began, and the pipeline that takes it. */
export class Receiver implements AsyncDisposable {
  readonly objectFormat: ObjectFormat;
  readonly #view: RepositoryView;
  readonly #receive: (request: ReceiveRequest) => Promise<ReceiveReport>;

  constructor(view: RepositoryView, receive: (request: ReceiveRequest) => Promise<ReceiveReport>) {
    this.objectFormat = view.objectFormat;
    this.#view = view;
    this.#receive = receive;
  }

  listRefs(options?: ListRefsOptions): AsyncIterable<ListedRef> {
    return this.#view.listRefs(options);
  }

  head(options?: OperationOptions): Promise<Head> {
    return this.#view.head(options);
  }

  /** Takes the pack and moves the refs; refusals are told in the report, only aborts and faults of the store throw. */
  receive(request: ReceiveRequest): Promise<ReceiveReport> {
    return this.#receive(request);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#view[Symbol.asyncDispose]();
  }
}
