import { ProtocolError } from "../errors.ts";

/** The headers that let a request in. */
export type CredentialHeaders = Readonly<Record<string, string>>;

/**
 * What lets a client in. Its secret is in no property that can be seen or printed; as a text `***` stands for it.
 */
export class Credential {
  readonly #headers: (origin: string) => CredentialHeaders | Promise<CredentialHeaders>;
  readonly #shown: string;

  constructor(shown: string, headers: (origin: string) => CredentialHeaders | Promise<CredentialHeaders>) {
    this.#shown = shown;
    this.#headers = headers;
  }

  /** The headers for a request to this origin (scheme, host and port). Throws `PROTOCOL_UNAUTHORIZED` where they cannot be had. */
  async headersFor(origin: string): Promise<CredentialHeaders> {
    try {
      return checkHeaders(await this.#headers(origin));
    } catch (cause) {
      if (cause instanceof ProtocolError) throw cause;
      throw new ProtocolError("PROTOCOL_UNAUTHORIZED", `no credentials for ${origin}`, { cause });
    }
  }

  toString(): string {
    return `Credential(${this.#shown})`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/** Who is asked for a credential when a server wants one, and never before. */
export interface CredentialHelper {
  /** A credential for what lies at a URL, with the challenges of the answer (RFC 9110, 11.6.1); `undefined` where there is none. */
  ask(
    url: string,
    challenges: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Credential | undefined>;
  /** Told once whether the server has taken the credential that was given last. */
  tell?: ((isAccepted: boolean) => Promise<void>) | undefined;
}

/** A user and a password or token (RFC 7617). */
export function basicCredential(username: string, password: string): Credential {
  if (username.includes(":")) throw new TypeError("a user's name with a colon cannot be sent");
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  return new Credential(`basic ${username}:***`, () => ({ authorization }));
}

/** A bearer token (RFC 6750). */
export function bearerCredential(token: string): Credential {
  return new Credential("bearer ***", () => ({ authorization: `Bearer ${token}` }));
}

/** A header of its own. */
export function headerCredential(name: string, value: string): Credential {
  return new Credential(`header ${name}: ***`, () => ({ [name.toLowerCase()]: value }));
}

/** Asked anew for every request, with the origin it goes to; `undefined` sends nothing. */
export function callbackCredential(
  ask: (origin: string) => Credential | undefined | Promise<Credential | undefined>,
): Credential {
  return new Credential("callback", async (origin) => (await ask(origin))?.headersFor(origin) ?? {});
}

/** Tokens as the well-known hosts take them over HTTPS. */
export const hostCredentials: Readonly<
  Record<"bitbucket" | "cloudflare" | "gitea" | "github" | "gitlab", (token: string) => Credential>
> = {
  bitbucket: (token) => basicCredential("x-token-auth", token),
  cloudflare: (token) => bearerCredential(token),
  gitea: (token) => bearerCredential(token),
  github: (token) => basicCredential("x-access-token", token),
  gitlab: (token) => basicCredential("oauth2", token),
};

/**
 * Puts `***` for what such headers let in with, where it stands in a text: their values, and the token, or the user's
 * password, in one of `Authorization`.
 */
export function conceal(text: string, headers: CredentialHeaders): string {
  const secrets = Object.values(headers).flatMap((value) => {
    const token = value.slice(value.indexOf(" ") + 1);
    const pair = /^basic /i.test(value) ? Buffer.from(token, "base64").toString() : "";
    return [value, token, pair, pair.slice(pair.indexOf(":") + 1)];
  });
  // Longer ones first: some stand in others.
  const ordered = secrets.filter((secret) => secret !== "").sort((a, b) => b.length - a.length);
  return ordered.reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
}

/** A URL without user and password, fit to be printed. */
export function redactUrl(url: string | URL): string {
  if (!URL.canParse(url)) return "(not a URL)";
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  return shown.href;
}

/** Headers that can be sent. Throws `PROTOCOL_UNAUTHORIZED` for others. */
export function checkHeaders(headers: CredentialHeaders): CredentialHeaders {
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) || /[\r\n\0]/.test(value)) {
      throw new ProtocolError("PROTOCOL_UNAUTHORIZED", "the credentials are no header that can be sent");
    }
  }
  return headers;
}
