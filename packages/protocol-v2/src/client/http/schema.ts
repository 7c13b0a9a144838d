import { z } from "zod";
import { Credential, type CredentialHeaders, type CredentialHelper } from "../credential.ts";

/** How an HTTP server is reached. */
export interface HttpTransportOptions {
  /** Sent to the URL's scheme, host and port, and to no other. Default: the user and password in the URL, if any. */
  readonly credential?: Credential | undefined;
  /** Asked for a credential once the server wants one, where none is given above or the URL has a user without a password. */
  readonly credentialHelper?: CredentialHelper | undefined;
  /** More headers, which are guarded as credentials are. */
  readonly headers?: CredentialHeaders | undefined;
  /** What the client calls itself in HTTP. Default `git/2.45.0 (millrace)`: some hosts speak git only with git. */
  readonly userAgent?: string | undefined;
  /** A proxy's URL, with its user and password if it wants them. Default: none. */
  readonly proxy?: string | undefined;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: string | readonly string[] | undefined;
  /** The client's own certificate and key, PEM. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string } | undefined;
  /** Whether the server's certificate is checked. Default true. */
  readonly verifyTls?: boolean | undefined;
  /** Connections at once; what is asked beyond that waits. Default 16. */
  readonly maxConnections?: number | undefined;
  /** For a connection to stand, in milliseconds. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Silence of the server that ends a request, in milliseconds; 0 is never. Default 300,000. */
  readonly answerTimeoutMs?: number | undefined;
}

/** Those without a default. */
type Optional = "credential" | "credentialHelper" | "headers" | "proxy" | "ca" | "clientCertificate";

/** The options with their defaults. */
export type FilledHttpTransportOptions = Pick<HttpTransportOptions, Optional> & {
  readonly [Key in Exclude<keyof HttpTransportOptions, Optional>]-?: Exclude<
    HttpTransportOptions[Key],
    undefined
  >;
};

const milliseconds = z
  .number()
  .int()
  .nonnegative()
  .max(2 ** 31 - 1);

export const HttpTransportOptions: z.ZodType<FilledHttpTransportOptions, HttpTransportOptions> = z.object({
  credential: z.instanceof(Credential).optional(),
  credentialHelper: z.custom<CredentialHelper>(isHelper).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  userAgent: z
    .string()
    .regex(/^[ -~]+$/)
    .default("git/2.45.0 (millrace)"),
  proxy: z.url({ protocol: /^https?$/ }).optional(),
  ca: z.union([z.string(), z.array(z.string()).readonly()]).optional(),
  clientCertificate: z.object({ cert: z.string(), key: z.string() }).optional(),
  verifyTls: z.boolean().default(true),
  maxConnections: z.number().int().positive().default(16),
  connectTimeoutMs: milliseconds.default(10_000),
  answerTimeoutMs: milliseconds.default(300_000),
});

function isHelper(value: unknown): boolean {
  return typeof (value as Partial<CredentialHelper> | null | undefined)?.ask === "function";
}
