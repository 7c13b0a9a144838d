import { z } from "zod";
import { RedirectKind } from "../redirect/schema.ts";
import { Registration, RepositoryName } from "./schema.ts";
import { Status } from "./status.ts";

/**
 * What goes over the control socket: one line of JSON for each request, and one for its answer, under the same number. Requests of one
 * connection run at once; who closes it leaves what it waits for.
 */
export type ControlRequest =
  | { readonly command: "ping" }
  | { readonly command: "add"; readonly registration: Registration }
  | { readonly command: "remove"; readonly name: string; readonly purge: boolean; readonly lazy: boolean }
  | { readonly command: "status"; readonly name?: string | undefined }
  /** Waits until it is mounted and git works inside, or its history is there; throws why not. */
  | { readonly command: "wait"; readonly name: string; readonly until: "ready" | "history" }
  | { readonly command: "prepare" | "fetch"; readonly name: string }
  | { readonly command: "remount" | "unmount"; readonly name: string; readonly lazy: boolean }
  | { readonly command: "set-refresh"; readonly name: string; readonly refreshMs: number | null }
  | { readonly command: "prefetch"; readonly path: string }
  /** Redirects a directory to the native disk, by its path outside. */
  | { readonly command: "redirect"; readonly path: string; readonly kind?: RedirectKind | undefined }
  | { readonly command: "undo-redirect"; readonly path: string; readonly purge: boolean }
  | { readonly command: "evict"; readonly name?: string | undefined; readonly keepBytes: number }
  | { readonly command: "gc"; readonly name?: string | undefined };

const name = RepositoryName;
const path = z.string().min(1).max(8192);
const lazy = z.boolean();
const keepBytes = z.number().int().nonnegative();
const refreshMs = z.number().int().positive().nullable();
export const ControlRequest: z.ZodType<ControlRequest> = z.discriminatedUnion("command", [
  z.object({ command: z.literal("ping") }),
  z.object({ command: z.literal("add"), registration: Registration }),
  z.object({ command: z.literal("remove"), name, purge: z.boolean(), lazy }),
  z.object({ command: z.literal("status"), name: name.optional() }),
  z.object({ command: z.literal("wait"), name, until: z.enum(["ready", "history"]) }),
  z.object({ command: z.enum(["prepare", "fetch"]), name }),
  z.object({ command: z.enum(["remount", "unmount"]), name, lazy }),
  z.object({ command: z.literal("set-refresh"), name, refreshMs }),
  z.object({ command: z.literal("prefetch"), path }),
  z.object({ command: z.literal("redirect"), path, kind: RedirectKind.optional() }),
  z.object({ command: z.literal("undo-redirect"), path, purge: z.boolean() }),
  z.object({ command: z.literal("evict"), name: name.optional(), keepBytes }),
  z.object({ command: z.literal("gc"), name: name.optional() }),
]);

/** What was done to how many bytes of what. */
export interface Tally {
  readonly count: number;
  readonly bytes: number;
}
const Tally: z.ZodType<Tally> = z.object({ count: z.number(), bytes: z.number() });

/** What the answers are. */
export interface ControlAnswers {
  readonly ping: { readonly version: string; readonly pid: number; readonly mountRoot: string };
  readonly add: Status;
  readonly remove: null;
  readonly status: readonly Status[];
  readonly wait: Status;
  readonly prepare: Status;
  readonly fetch: Status;
  readonly remount: Status;
  readonly unmount: Status;
  readonly "set-refresh": Status;
  readonly redirect: Status;
  readonly "undo-redirect": Status;
  /** Files that were brought here. */
  readonly prefetch: Tally & { readonly name: string };
  /** From the cache, and from the git directories. */
  readonly evict: { readonly cache: Tally; readonly gitDirectories: Tally };
  readonly gc: { readonly cache: Tally; readonly packsBefore: number; readonly packsAfter: number };
}

export const ControlAnswers: {
  readonly [Command in keyof ControlAnswers]: z.ZodType<ControlAnswers[Command]>;
} = {
  ping: z.object({ version: z.string(), pid: z.number(), mountRoot: z.string() }),
  add: Status,
  remove: z.null(),
  status: z.array(Status),
  wait: Status,
  prepare: Status,
  fetch: Status,
  remount: Status,
  unmount: Status,
  "set-refresh": Status,
  redirect: Status,
  "undo-redirect": Status,
  prefetch: z.object({ name: z.string(), count: z.number(), bytes: z.number() }),
  evict: z.object({ cache: Tally, gitDirectories: Tally }),
  gc: z.object({ cache: Tally, packsBefore: z.number(), packsAfter: z.number() }),
};

/** A line from a client. */
export interface NumberedRequest {
  readonly id: number;
  readonly request: ControlRequest;
}
export const NumberedRequest: z.ZodType<NumberedRequest> = z.object({
  id: z.number().int().nonnegative(),
  request: ControlRequest,
});

/** A line from the daemon. What cannot be read as a request is answered under the number `null`. */
export type NumberedAnswer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | {
      readonly id: number | null;
      readonly ok: false;
      readonly error: { readonly code?: string | undefined; readonly message: string };
    };
export const NumberedAnswer: z.ZodType<NumberedAnswer> = z.discriminatedUnion("ok", [
  z.object({ id: z.number(), ok: z.literal(true), value: z.unknown() }),
  z.object({
    id: z.number().nullable(),
    ok: z.literal(false),
    error: z.object({ code: z.string().optional(), message: z.string() }),
  }),
]);

/** A request is short, whatever it asks for. */
export const MAX_REQUEST_BYTES: number = 64 * 1024;
/** An answer may tell of thousands of repositories. */
export const MAX_ANSWER_BYTES: number = 64 * 1024 * 1024;
