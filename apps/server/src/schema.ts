import { ReceivePolicy } from "@millrace/repository";
import { z } from "zod";
import type { Tell } from "./announce/courier.ts";

/** Who may push without saying who they are: a peer on this machine, everybody, or nobody. */
export type AnonymousPush = "loopback" | "anyone" | "nobody";
export const AnonymousPush: z.ZodType<AnonymousPush> = z.enum(["loopback", "anyone", "nobody"]);

/** What the HTTP server needs to know; every value is plain, nothing is read from files or the environment. */
export interface ServerOptions {
  /** Named in the `agent` capability: `millrace/<version>`. */
  readonly version: string;
  /** Default `loopback`. */
  readonly anonymousPush?: AnonymousPush | undefined;
  /** A push to a name that is not there creates the repository. Default `true`. */
  readonly createOnPush?: boolean | undefined;
  /** What every push is held to. */
  readonly receive?: ReceivePolicy | undefined;
  /** Inflated bytes of one fetch request (wants and haves). Default 64 MiB. */
  readonly maxFetchRequestBytes?: number | undefined;
  /** A connection on which nothing moves for so long is closed. Default 10 minutes. */
  readonly idleTimeoutMs?: number | undefined;
  /** Repositories kept open between requests. Default 64. */
  readonly maxOpenRepositories?: number | undefined;
  /** Threads for indexing larger pushes. Default: as many as the machine has processors. */
  readonly threads?: number | undefined;
  /** Silence after which a waiting client is sent an empty packet. Default 5 seconds. */
  readonly keepAliveMs?: number | undefined;
  /**
   * Told of each push that is done; where it rejects it is told again. Over a bucket each push is told at least once,
   * whichever server dies; elsewhere some attempts are made. Default: nobody is told.
   */
  readonly onPush?: Tell | undefined;
  /** Another server that has not told of a push by then is taken for dead, in milliseconds. Default a minute. */
  readonly pushIdleMs?: number | undefined;
  /**
   * All repositories are looked through so often for pushes that nobody has told of, in milliseconds, the first time
   * somewhen in between. Default an hour; over storages without an outbox there are none.
   */
  readonly pushRoundMs?: number | undefined;
  /** Told the name of a repository when a push to it has been answered, refused or not. Default: nobody is told. */
  readonly onPushAnswered?: ((name: string) => void) | undefined;
  /** Told of faults of the server itself; clients only read that there was one. Default: nobody is told. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}
export const ServerOptions: z.ZodType<ServerOptions> = z.object({
  version: z.string().regex(/^[!-~]+$/),
  anonymousPush: AnonymousPush.optional(),
  createOnPush: z.boolean().optional(),
  receive: ReceivePolicy.optional(),
  maxFetchRequestBytes: z.number().int().positive().optional(),
  idleTimeoutMs: z.number().int().positive().optional(),
  maxOpenRepositories: z.number().int().positive().optional(),
  threads: z.number().int().positive().optional(),
  keepAliveMs: z.number().int().positive().optional(),
  pushIdleMs: z.number().int().nonnegative().optional(),
  pushRoundMs: z.number().int().positive().optional(),
  onPush: z.custom<Tell>((value) => typeof value === "function").optional(),
  onPushAnswered: z.custom<(name: string) => void>((value) => typeof value === "function").optional(),
  onFault: z.custom<(error: unknown) => void>((value) => typeof value === "function").optional(),
});

/** When a server tidies its repositories up. */
export interface UpkeepTimes {
  /** All of them every so many hours, first at a random time in between; 0: not by the clock. Default 24. */
  readonly maintainEvery: number;
  /** One of them after so many pushes to it by way of this server; 0: not for pushes. Default 50. */
  readonly maintainAfter: number;
}
/** As the command line has it; `maintain: false` means none of it. */
export const UpkeepTimes: z.ZodType<UpkeepTimes> = z
  .object({
    maintain: z.boolean().default(true),
    maintainEvery: z.coerce.number().nonnegative().max(500).default(24),
    maintainAfter: z.coerce.number().int().nonnegative().default(50),
  })
  .transform(({ maintain, ...times }) => (maintain ? times : { maintainEvery: 0, maintainAfter: 0 }));

/** Where to listen: `HOST:PORT`, `[IPv6]:PORT`, `PORT` or `:PORT`. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const LISTEN = /^(?:(?:\[(?<six>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]]*)):)?(?<port>\d{1,5})$/;

/** Reads a listen address; without a host it is 127.0.0.1. Throws a `ZodError`. */
export const ListenAddress: z.ZodType<ListenAddress, string> = z.string().transform((text, context) => {
  const { six, host, port } = LISTEN.exec(text)?.groups ?? {};
  if (port === undefined || Number(port) > 65_535) {
    context.addIssue({ code: "custom", message: `not HOST:PORT: ${JSON.stringify(text)}` });
    return z.NEVER;
  }
  return { host: six ?? (host || "127.0.0.1"), port: Number(port) };
});
