import type { ObjectFormat, Oid } from "@millrace/pack";
import { type SpanHandle, streamSpan } from "@millrace/telemetry";
import { ProtocolError } from "../errors.ts";
import { readCapabilities, type RemoteCapabilities } from "./capabilities.ts";
import { encodeCommand } from "./command.ts";
import { type FetchAnswer, negotiateFetch } from "./fetch.ts";
import { fetchArguments, type FetchRequest } from "./fetch-request.ts";
import { readRefs, refsArguments, type RefsQuery, type RemoteRef } from "./ls-refs.ts";
import { readObjectSizes } from "./object-info.ts";
import { openPush, type Push } from "./push.ts";
import { retrying } from "./retry.ts";
import { type FilledRemoteOptions, RemoteOptions } from "./schema.ts";
import type { Answer, Conversation, GitTransport } from "./transport.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** What every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * A repository somewhere else, in protocol version 2. Calls may run at once. All of them throw what a `Conversation`
 * does, and `PROTOCOL_UNSUPPORTED`, `PROTOCOL_REMOTE_FAILED`, `PROTOCOL_LIMIT_EXCEEDED` and `signal.reason`; what is
 * transient was tried again before.
 */
export interface Remote extends AsyncDisposable {
  /** Fit to be printed. */
  readonly address: string;
  /** What the server can do; asked for once. */
  capabilities(options?: CallOptions): Promise<RemoteCapabilities>;
  /** The refs, as they come. */
  listRefs(query?: RefsQuery & CallOptions): AsyncIterable<RemoteRef>;
  /** Negotiates and begins to fetch a pack. */
  fetch(request: FetchRequest): Promise<FetchAnswer>;
  /** The sizes of objects that the server has. Throws `PROTOCOL_UNSUPPORTED` where it does not tell them. */
  objectSizes(oids: readonly Oid[], options?: CallOptions): Promise<ReadonlyMap<Oid, number>>;
  /** Begins a push. */
  openPush(options?: CallOptions): Promise<Push>;
}

/**
 * Talks to the repository at the other end of `transport`, which it takes over: disposing closes both.
 * @throws ZodError where the options are malformed.
 */
export function openRemote(transport: GitTransport, options: RemoteOptions = {}): Remote {
  return new V2Remote(transport, RemoteOptions.parse(options));
}

const SIZES_AT_ONCE = 10_000;

class V2Remote implements Remote {
  readonly address: string;
  readonly #transport: GitTransport;
  readonly #options: FilledRemoteOptions;
  readonly #idle: Conversation[] = [];
  #capabilities: Promise<RemoteCapabilities> | undefined;

  constructor(transport: GitTransport, options: FilledRemoteOptions) {
    this.#transport = transport;
    this.#options = options;
    this.address = transport.address;
  }

  capabilities({ signal }: CallOptions = {}): Promise<RemoteCapabilities> {
    if (this.#capabilities === undefined) {
      // Shared by all who ask, so nobody's leaving ends it; the transport's timeouts do.
      const asking = this.#retrying("capabilities", undefined, async () => {
        const conversation = await this.#transport.open("git-upload-pack", { version: 2 });
        const capabilities = await begin(conversation);
        this.#idle.push(conversation);
        return capabilities;
      });
      this.#capabilities = asking;
      asking.catch(() => {
        if (this.#capabilities === asking) this.#capabilities = undefined;
      });
    }
    return unlessAborted(this.#capabilities, signal);
  }

  listRefs(query: RefsQuery & CallOptions = {}): AsyncIterable<RemoteRef> {
    return streamSpan("client.ls_refs", { address: this.address }, (span) => this.#listRefs(query, span));
  }

  async *#listRefs(
    query: RefsQuery & CallOptions,
    span: SpanHandle<"client.ls_refs">,
  ): AsyncGenerator<RemoteRef, void, undefined> {
    const { objectFormat, features } = await this.capabilities(query);
    const words = features("ls-refs");
    if (words === undefined) throw new ProtocolError("PROTOCOL_UNSUPPORTED", "the server lists no refs");
    const answer = await this.#retrying("ls_refs", query.signal, () =>
      this.#ask("ls-refs", refsArguments(query, words), query.signal),
    );
    let count = 0;
    let hasHead = false;
    try {
      for await (const ref of readRefs(answer, objectFormat, this.#options.maxRefs)) {
        count++;
        hasHead ||= ref.name === "HEAD";
        yield ref;
      }
      await answer.done();
    } finally {
      span.set("ref_count", count);
      span.set("has_head", hasHead);
      await answer[Symbol.asyncDispose]();
    }
  }

  async fetch(request: FetchRequest): Promise<FetchAnswer> {
    const { maxAnswerLines: maxLines, maxPackBytes } = this.#options;
    const capabilities = await this.capabilities(request);
    const args = fetchArguments(request, capabilities);
    const ask = (lines: readonly string[]): Promise<Answer> =>
      this.#retrying("fetch", request.signal, () => this.#ask("fetch", lines, request.signal));
    const { objectFormat } = capabilities;
    return negotiateFetch(
      { address: this.address, objectFormat, maxLines, maxPackBytes, ask },
      request,
      args,
    );
  }

  async objectSizes(oids: readonly Oid[], { signal }: CallOptions = {}): Promise<ReadonlyMap<Oid, number>> {
    const { objectFormat, features } = await this.capabilities({ signal });
    if (features("object-info") === undefined) {
      throw new ProtocolError("PROTOCOL_UNSUPPORTED", "the server tells no sizes");
    }
    const sizes = new Map<Oid, number>();
    for (let from = 0; from < oids.length; from += SIZES_AT_ONCE) {
      const some = oids.slice(from, from + SIZES_AT_ONCE);
      const found = await this.#retrying("object_info", signal, () =>
        this.#askSizes(some, objectFormat, signal),
      );
      for (const [oid, size] of found) sizes.set(oid, size);
    }
    return sizes;
  }

  async #askSizes(
    oids: readonly Oid[],
    objectFormat: ObjectFormat,
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<Oid, number>> {
    const answer = await this.#ask("object-info", ["size", ...oids.map((oid) => `oid ${oid}`)], signal);
    try {
      const sizes = await readObjectSizes(answer, objectFormat, new Set(oids));
      await answer.done();
      return sizes;
    } finally {
      await answer[Symbol.asyncDispose]();
    }
  }

  async openPush({ signal }: CallOptions = {}): Promise<Push> {
    const conversation = await this.#transport.open("git-receive-pack", { version: 0, signal });
    return openPush(conversation, this.address, this.#options, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((conversation) => conversation[Symbol.asyncDispose]()));
    await this.#transport[Symbol.asyncDispose]();
  }

  /** Sends a command. The conversation is free for the next one when the answer is done. */
  async #ask(command: string, lines: readonly string[], signal: AbortSignal | undefined): Promise<Answer> {
    const { objectFormat } = await this.capabilities({ signal });
    const conversation = await this.#take(signal);
    try {
      const body = encodeCommand(command, this.#options, objectFormat, lines);
      const answer = await conversation.request(body, signal);
      let isDone = false;
      return {
        packets: answer.packets,
        conceal: answer.conceal,
        done: async () => {
          isDone = true;
          await answer.done();
          this.#idle.push(conversation);
        },
        async [Symbol.asyncDispose]() {
          if (isDone) return;
          isDone = true;
          await answer[Symbol.asyncDispose]();
          await conversation[Symbol.asyncDispose]();
        },
      };
    } catch (error) {
      await conversation[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #take(signal: AbortSignal | undefined): Promise<Conversation> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const conversation = await this.#transport.open("git-upload-pack", { version: 2, signal });
    if (conversation.stateless) return conversation;
    await begin(conversation, signal);
    return conversation;
  }

  #retrying<T>(operation: string, signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    const { attempts, retryDelayMs: baseDelayMs, maxRetryDelayMs: maxDelayMs } = this.#options;
    return retrying({ attempts, baseDelayMs, maxDelayMs }, operation, signal, attempt);
  }
}

/** Reads what a server says first; the conversation waits for a request then. */
async function begin(conversation: Conversation, signal?: AbortSignal): Promise<RemoteCapabilities> {
  try {
    const answer = await conversation.advertisement(signal);
    const capabilities = await readCapabilities(answer);
    await answer.done();
    return capabilities;
  } catch (error) {
    await conversation[Symbol.asyncDispose]();
    throw error;
  }
}
