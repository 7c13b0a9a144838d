import { z } from "zod";

/** How an SSH server is reached. */
export interface SshTransportOptions {
  readonly host: string;
  /** Default 22. */
  readonly port?: number | undefined;
  readonly username: string;
  /** The repository's path as the server knows it. */
  readonly path: string;
  /** Whether this is the server's key, told as OpenSSH shows it: `SHA256:` and the hash in base64. There is no default. */
  readonly isHostKey: (fingerprint: string) => boolean;
  /** A private key, PEM or OpenSSH's format. */
  readonly privateKey?: string | undefined;
  readonly passphrase?: string | undefined;
  readonly password?: string | undefined;
  /** The socket of an agent that has the keys. */
  readonly agentSocket?: string | undefined;
  /** For a connection to stand, in milliseconds. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Silence of the server that ends a conversation, in milliseconds; 0 is never. Default 300,000. */
  readonly answerTimeoutMs?: number | undefined;
}

type Defaulted = "port" | "connectTimeoutMs" | "answerTimeoutMs";

/** The options with their defaults. */
export type FilledSshTransportOptions = Omit<SshTransportOptions, Defaulted> &
  Readonly<Record<Defaulted, number>>;

const milliseconds = z
  .number()
  .int()
  .nonnegative()
  .max(2 ** 31 - 1);

export const SshTransportOptions: z.ZodType<FilledSshTransportOptions, SshTransportOptions> = z.object({
  host: z.string().min(1),
  port: z.number().int().min(1).max(65_535).default(22),
  username: z.string().min(1),
  path: z
    .string()
    .min(1)
    .regex(/^[^\n\0]*$/),
  isHostKey: z.custom<SshTransportOptions["isHostKey"]>((value) => typeof value === "function"),
  privateKey: z.string().optional(),
  passphrase: z.string().optional(),
  password: z.string().optional(),
  agentSocket: z.string().optional(),
  connectTimeoutMs: milliseconds.default(10_000),
  answerTimeoutMs: milliseconds.default(300_000),
});
