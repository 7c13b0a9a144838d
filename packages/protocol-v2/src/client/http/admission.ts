import type { Credential, CredentialHeaders, CredentialHelper } from "../credential.ts";

/** What requests of one transport may be let in with. */
export interface AdmissionOptions {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Known from the beginning. */
  readonly credential: Credential | undefined;
  /** Asked when the server wants one. */
  readonly helper: CredentialHelper | undefined;
  /** Sent in any case. */
  readonly headers: CredentialHeaders;
}

/**
 * What requests of one transport are let in with: what is known from the beginning, or what a helper gives once the server has
 * refused a request. A helper is asked once for all requests that are refused meanwhile, and not again after its credential
 * has been refused.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  #credential: Credential | undefined;
  #asking: Promise<boolean> | undefined;
  /** What became of the helper's credential. */
  #standing: "none" | "untried" | "accepted" | "refused" = "none";

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#credential = options.credential;
  }

  /** The headers for the next request. Throws as `Credential.headersFor`. */
  async headers(): Promise<CredentialHeaders> {
    const { origin, headers } = this.#options;
    return { ...headers, ...(await this.#credential?.headersFor(origin)) };
  }

  /**
   * A request with the headers `sent`, for what lies at `url`, was refused with these challenges (`WWW-Authenticate`). Answers
   * whether it may be sent again with others. Throws as the helper.
   */
  async refused(
    sent: CredentialHeaders,
    url: string,
    challenges: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { helper } = this.#options;
    if (helper === undefined) return false;
    if (this.#asking !== undefined) return this.#asking;
    // Another request has been refused before, and there is something new since.
    if (JSON.stringify(sent) !== JSON.stringify(await this.headers())) return true;
    if (this.#standing === "refused") return false;
    if (this.#standing !== "none") {
      this.#standing = "refused";
      this.#credential = this.#options.credential;
      await helper.tell?.(false);
      return false;
    }
    this.#asking ??= this.#ask(helper, url, challenges, signal).finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /** A request was let in. */
  async accepted(): Promise<void> {
    if (this.#standing !== "untried") return;
    this.#standing = "accepted";
    await this.#options.helper?.tell?.(true);
  }

  async #ask(
    helper: CredentialHelper,
    url: string,
    challenges: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const credential = await helper.ask(url, challenges, signal);
    if (credential === undefined) return false;
    this.#credential = credential;
    this.#standing = "untried";
    return true;
  }
}
