import { z } from "zod";

/**
 * How a directory of a mount is put on the native disk: `bind`, the native one is mounted over it, which wants the right to mount;
 * `link`, a symbolic link in the mount leads to it.
 */
export type RedirectKind = "bind" | "link";
export const RedirectKind: z.ZodType<RedirectKind> = z.enum(["bind", "link"]);

/** A directory that is to be on the native disk. */
export interface RedirectWish {
  /** Below the mount's root: names with slashes between them. */
  readonly path: string;
  /** Default: `bind` for root, else `link`. */
  readonly kind?: RedirectKind | undefined;
}

/**
 * How far a redirection has come. `asked`: it waits for git, or for another try. `interrupted`: it was not made, since the process ended
 * meanwhile; it waits for somebody. `filling`: content is copied to the native disk, and what is in the mount counts. `clearing`: it has
 * been copied, the native one counts, and what is left in the mount is to go. `shown`: it stands. `returning`: content is copied back, and
 * the native one counts. `returned`: it has been, the one in the mount counts, and has to be given its name. `purging`: the native content
 * is to go.
 */
export type RedirectPhase =
  | "asked"
  | "interrupted"
  | "filling"
  | "clearing"
  | "shown"
  | "returning"
  | "returned"
  | "purging";

/** Whether a redirection shows nothing, and has no content: there is only the wish for it. */
export function isWish({ phase }: Pick<RedirectRecord, "phase">): boolean {
  return phase === "asked" || phase === "interrupted";
}

/** What is told of an `interrupted` one. */
export const INTERRUPTED =
  "its move was interrupted, and its content is in the mount: redirect it again, or undo it";

/** A redirection as it is kept. */
export interface RedirectRecord {
  readonly path: string;
  readonly kind: RedirectKind;
  /** What its folder is called, among those of the mount. */
  readonly folder: string;
  readonly phase: RedirectPhase;
}

/** How it stands with a redirection, as it is told. */
export interface RedirectStatus {
  readonly path: string;
  readonly kind: RedirectKind;
  /** `asked`: it is not there yet. `broken`: it is not what it should be, as `error` says. */
  readonly state: "asked" | "shown" | "hidden" | "broken";
  /** Where its content is. */
  readonly folder: string;
  readonly error: string | null;
}
export const RedirectStatus: z.ZodType<RedirectStatus> = z.object({
  path: z.string(),
  kind: RedirectKind,
  state: z.enum(["asked", "shown", "hidden", "broken"]),
  folder: z.string(),
  error: z.string().nullable(),
});

const MAX_PATH_BYTES = 1024;
const MAX_NAME_BYTES = 200;

/** A path in a mount that a redirection may have. */
export const RedirectPath: z.ZodType<string> = z
  .string()
  .refine((path) => Buffer.byteLength(path) <= MAX_PATH_BYTES, `a path has ${MAX_PATH_BYTES} bytes at most`)
  .refine(
    (path) => path.split("/").every((name) => name !== "" && name !== "." && name !== ".."),
    "a path leads down from the mount's root, which itself cannot be redirected",
  )
  .refine(
    (path) => path.split("/").every((name) => Buffer.byteLength(name) <= MAX_NAME_BYTES),
    `a name in it has ${MAX_NAME_BYTES} bytes at most`,
  )
  .refine((path) => !/(?:^|\/)\.git(?:[/:]|$)/i.test(path), "git's own directories are not redirected")
  .refine((path) => !/\p{Cc}/u.test(path), "a path has no control character");

export const RedirectWish: z.ZodType<RedirectWish> = z.object({
  path: RedirectPath,
  kind: RedirectKind.optional(),
});

/** The file of a mount's redirections. */
export interface RedirectFile {
  readonly version: 1;
  readonly redirects: readonly RedirectRecord[];
}
export const RedirectFile: z.ZodType<RedirectFile> = z.object({
  version: z.literal(1),
  redirects: z
    .array(
      z.object({
        path: RedirectPath,
        kind: RedirectKind,
        folder: z.string().regex(/^[^/\0]+-[0-9a-f]{12}$/),
        phase: z.enum([
          "asked",
          "interrupted",
          "filling",
          "clearing",
          "shown",
          "returning",
          "returned",
          "purging",
        ]),
      }),
    )
    .readonly(),
});
