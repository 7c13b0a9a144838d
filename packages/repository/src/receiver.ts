import type { ObjectFormat, Oid, OperationOptions } from "@millrace/pack";
import type { Head } from "@millrace/storage";
import type { ReceiveOffer } from "./policy/receive-rules.ts";
import type { ReceiveReport, ReceiveRequest } from "./receive/receive.ts";
import type { ListRefsOptions, ListedBatch, ListedRef } from "./refs/list-refs.ts";
import type { RepositoryView } from "./repository-view.ts";

/** What a push is offered: the refs as they were when it began, and the pipeline that takes it. */
export class Receiver implements AsyncDisposable {
  readonly objectFormat: ObjectFormat;
  /** What the repository offers to those who push. */
  readonly policy: ReceiveOffer;
  readonly #view: RepositoryView;
  readonly #receive: (request: ReceiveRequest) => Promise<ReceiveReport>;

  constructor(
    view: RepositoryView,
    policy: ReceiveOffer,
    receive: (request: ReceiveRequest) => Promise<ReceiveReport>,
  ) {
    this.objectFormat = view.objectFormat;
    this.policy = policy;
    this.#view = view;
    this.#receive = receive;
  }

  listRefs(options?: ListRefsOptions): AsyncIterable<ListedRef> {
    return this.#view.listRefs(options);
  }

  listRefBatches(options?: ListRefsOptions): AsyncIterable<ListedBatch> {
    return this.#view.listRefBatches(options);
  }

  head(options?: OperationOptions): Promise<Head> {
    return this.#view.head(options);
  }

  /** Tips of the repositories that objects are borrowed from. */
  alternateTips(options?: OperationOptions): AsyncIterable<Oid> {
    return this.#view.alternateTips(options);
  }

  /** Commits whose parents this repository does not have. */
  shallowRoots(options?: OperationOptions): Promise<readonly Oid[]> {
    return this.#view.shallowRoots(options);
  }

  /** Takes the pack and moves the refs; refusals are told in the report, only aborts and faults of the store throw. */
  receive(request: ReceiveRequest): Promise<ReceiveReport> {
    return this.#receive(request);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#view[Symbol.asyncDispose]();
  }
}
