import { gzip } from "node:zlib";
import { promisify } from "node:util";
import type { Dispatcher } from "undici";
import { ProtocolError } from "../../errors.ts";
import { printable } from "../../printable.ts";
import type { ProtocolVersion } from "../../protocol-version.ts";
import { badAnswer, readAnswerPackets } from "../answer-packets.ts";
import {
  basicCredential,
  checkHeaders,
  conceal,
  type Credential,
  type CredentialHeaders,
  redactUrl,
} from "../credential.ts";
import type {
  Answer,
  Conversation,
  GitService,
  GitTransport,
  OpenOptions,
  RequestBody,
} from "../transport.ts";
import { Admission } from "./admission.ts";
import { parseRetryAfter, requestFault, statusFault } from "./http-fault.ts";
import { type FilledHttpTransportOptions, HttpTransportOptions } from "./schema.ts";

const MAX_REDIRECTS = 5;
/** What is read of an answer that is none, for its words. */
const MAX_WORDS_BYTES = 64 * 1024;
/** Requests above this are compressed, as git does it. */
const GZIP_FROM_BYTES = 1024;

const gzipped = promisify(gzip);

/**
 * A way to a repository over smart HTTP (gitprotocol-http). Redirects are followed within the URL's scheme, host and
 * port, for the first request as git does it; credentials go there and nowhere else.
 *
 * @throws TypeError where `url` is none of http or https; ZodError where the options are malformed.
 */
export function openHttpTransport(url: string | URL, options: HttpTransportOptions = {}): GitTransport {
  // The error that `new URL` throws shows the whole of it, a password too.
  if (!URL.canParse(url)) throw new TypeError("not a URL");
  return new HttpTransport(new URL(url), HttpTransportOptions.parse(options));
}

/** What came back, and what the request was let in with. */
interface Sent {
  readonly response: Dispatcher.ResponseData;
  readonly credentials: CredentialHeaders;
}

interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly version: ProtocolVersion;
  readonly headers?: Record<string, string>;
  readonly body?: RequestBody;
  readonly signal: AbortSignal | undefined;
}

class HttpTransport implements GitTransport {
  readonly address: string;
  readonly #options: FilledHttpTransportOptions;
  /** Made with the first request: the code of it is the largest part of what a client loads. */
  #dispatcher: Promise<Dispatcher> | undefined;
  readonly #admission: Admission;
  readonly #origin: string;
  /** The URL's user, where a helper is to know the password. */
  readonly #user: string;
  /** The repository's path without a slash at its end; a redirect moves it. */
  #path: string;
  /** The URL's own query, from its `?` on, which goes along with every request. */
  #query: string;

  constructor(url: URL, options: FilledHttpTransportOptions) {
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      throw new TypeError(`not an http or https URL: ${redactUrl(url)}`);
    }
    this.#options = options;
    this.address = redactUrl(url);
    // Of a user without a password a helper knows the rest.
    const helper = (options.credential ?? url.password) ? undefined : options.credentialHelper;
    this.#user = helper === undefined ? "" : url.username;
    this.#admission = new Admission({
      origin: url.origin,
      credential: options.credential ?? (helper === undefined ? credentialOf(url) : undefined),
      helper,
      headers: checkHeaders(options.headers ?? {}),
    });
    this.#origin = url.origin;
    this.#path = url.pathname.replace(/\/+$/, "");
    this.#query = url.search;
  }

  open(service: GitService, { version, signal }: OpenOptions): Promise<Conversation> {
    signal?.throwIfAborted();
    const conversation: Conversation = {
      stateless: true,
      advertisement: (until) => this.#advertisement(service, version, until),
      request: (body, until) => this.#request(service, version, body, until),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    return Promise.resolve(conversation);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const dispatcher = await this.#dispatcher?.catch(() => undefined);
    await dispatcher?.destroy();
  }

  async #advertisement(
    service: GitService,
    version: ProtocolVersion,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    for (let redirects = 0; ; redirects++) {
      const path = `${this.#path}/info/refs?service=${service}${this.#query.replace("?", "&")}`;
      const sent = await this.#send({ method: "GET", path, version, signal });
      const { response } = sent;
      if (!isRedirect(response.statusCode)) {
        return this.#answer(sent, `application/x-${service}-advertisement`, signal);
      }
      await leave(response);
      if (redirects === MAX_REDIRECTS)
        throw new ProtocolError("PROTOCOL_REDIRECTED", "redirected in a circle");
      this.#follow(path, response.headers.location);
    }
  }

  async #request(
    service: GitService,
    version: ProtocolVersion,
    body: RequestBody,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const isSmall = body instanceof Uint8Array && body.length <= GZIP_FROM_BYTES;
    const packed = body instanceof Uint8Array && !isSmall ? await gzipped(body) : body;
    const headers: Record<string, string> = {
      "content-type": `application/x-${service}-request`,
      accept: `application/x-${service}-result`,
      ...(packed === body ? {} : { "content-encoding": "gzip" }),
    };
    const path = `${this.#path}/${service}${this.#query}`;
    const sent = await this.#send({ method: "POST", path, version, headers, body: packed, signal });
    const { response } = sent;
    if (!isRedirect(response.statusCode)) {
      return this.#answer(sent, `application/x-${service}-result`, signal);
    }
    await leave(response);
    // Only a first request may be sent elsewhere (git's http.followRedirects=initial).
    throw new ProtocolError("PROTOCOL_REDIRECTED", `${this.address} redirects in mid-conversation`);
  }

  /** Sends a request, and again with a credential where it was refused for the want of one. */
  async #send(request: HttpRequest): Promise<Sent> {
    for (;;) {
      const sent = await this.#sendOnce(request);
      const { response, credentials } = sent;
      if (response.statusCode !== 401) {
        if (response.statusCode === 200) await this.#admission.accepted();
        return sent;
      }
      // A body that was a stream has gone.
      if (request.body !== undefined && !(request.body instanceof Uint8Array)) return sent;
      const url = new URL(this.#path, this.#origin);
      url.username = this.#user;
      const challenges = [response.headers["www-authenticate"] ?? []].flat();
      if (!(await this.#admission.refused(credentials, url.href, challenges, request.signal))) return sent;
      await leave(response);
    }
  }

  async #sendOnce({ method, path, version, headers, body, signal }: HttpRequest): Promise<Sent> {
    const credentials = await this.#admission.headers();
    try {
      this.#dispatcher ??= import("./dispatcher.ts").then(({ createDispatcher }) =>
        createDispatcher(this.#options),
      );
      const dispatcher = await this.#dispatcher;
      const response = await dispatcher.request({
        origin: this.#origin,
        method,
        path,
        headers: {
          "user-agent": this.#options.userAgent,
          ...(version === 0 ? {} : { "git-protocol": `version=${version}` }),
          ...headers,
          ...credentials,
        },
        body: body ?? null,
        signal: signal ?? null,
      } as Dispatcher.RequestOptions);
      return { response, credentials };
    } catch (cause) {
      throw requestFault(cause, this.address, signal);
    }
  }

  async #answer(
    { response, credentials }: Sent,
    contentType: string,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const { statusCode, headers, body } = response;
    const type = String(headers["content-type"] ?? "")
      .split(";")[0]
      ?.trim();
    if (statusCode !== 200) {
      const words = type === "text/plain" ? await readWords(response, credentials) : await leave(response);
      const retryAfter = parseRetryAfter(headers["retry-after"]?.toString(), Date.now());
      throw statusFault(statusCode, this.address, words, retryAfter);
    }
    if (type !== contentType) {
      await leave(response);
      throw badAnswer(`${this.address} sends ${printable(type ?? "")}, not ${contentType}`);
    }
    const address = this.address;
    async function* bytes(): AsyncGenerator<Uint8Array> {
      try {
        yield* body;
      } catch (cause) {
        throw requestFault(cause, address, signal);
      }
    }
    const packets = readAnswerPackets(bytes(), signal);
    return {
      packets,
      conceal: (words) => conceal(words, credentials),
      async done() {
        // Reading to the end keeps the connection; whoever sends more than that loses it.
        if ((await packets.read().catch(() => undefined)) !== undefined) await packets.cancel();
      },
      [Symbol.asyncDispose]: () => packets.cancel(),
    };
  }

  /** Moves to where a redirect leads that answered a request for `path`. */
  #follow(path: string, location: string | string[] | undefined): void {
    const asked = new URL(path, this.#origin);
    const url =
      typeof location === "string" && URL.canParse(location, asked) ? new URL(location, asked) : undefined;
    if (url?.origin !== this.#origin) {
      const where = url?.origin ?? "nowhere";
      throw new ProtocolError(
        "PROTOCOL_REDIRECTED",
        `${this.address} redirects to ${where}, which is not followed`,
      );
    }
    const suffix = "/info/refs";
    if (!url.pathname.endsWith(suffix)) {
      throw new ProtocolError("PROTOCOL_REDIRECTED", `${this.address} redirects to what is no repository`);
    }
    this.#path = url.pathname.slice(0, -suffix.length);
    url.searchParams.delete("service");
    this.#query = url.search;
  }
}

function credentialOf(url: URL): Credential | undefined {
  if (url.username === "" && url.password === "") return undefined;
  return basicCredential(decodeURIComponent(url.username), decodeURIComponent(url.password));
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** Lets go of a body that nobody wants, within bounds so that the connection can be kept. */
async function leave({ body }: Dispatcher.ResponseData): Promise<undefined> {
  await body.dump({ limit: MAX_WORDS_BYTES }).catch(() => undefined);
}

/** The first line of what a server says beside its status. */
async function readWords(
  { body }: Dispatcher.ResponseData,
  credentials: CredentialHeaders,
): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= MAX_WORDS_BYTES) break;
    }
  } catch {
    // Its status says enough.
  }
  const line = Buffer.concat(chunks).toString("utf8").trim().split("\n")[0] ?? "";
  return line === "" ? undefined : printable(conceal(line, credentials));
}
