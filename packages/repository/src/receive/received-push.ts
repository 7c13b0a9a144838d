import type { Oid } from "@millrace/pack";
import type { RepositoryStore } from "@millrace/storage";
import { z } from "zod";
import type { RefCommand } from "./command-rules.ts";

/** One ref that a push has moved; `null`: there was none, or it is gone. */
export interface ReceivedRef {
  readonly name: string;
  readonly old: Oid | null;
  readonly new: Oid | null;
}

/** What a push has done, for whoever is told of it. */
export interface ReceivedPush {
  /** The first ones of those that moved, a hundred at most. */
  readonly refs: readonly ReceivedRef[];
  /** How many moved in all. */
  readonly refCount: number;
}
const received: z.ZodType<ReceivedPush> = z.object({
  refs: z.array(z.object({ name: z.string(), old: z.string().nullable(), new: z.string().nullable() })),
  refCount: z.number().int().positive(),
});

/** A push that somebody is still to be told of, and its notice in the outbox. */
export interface UntoldPush {
  readonly noticeId: string;
  readonly push: ReceivedPush;
}

/** Is told of a push that has just been done, with its notice in the outbox where the backend has one. */
export type OnReceived = (push: ReceivedPush, noticeId: string | undefined) => void;

const MAX_REFS = 100;
/** Notices are bounded; names are not, or hardly. */
const MAX_NAMES_LENGTH = 10_000;

/** What these commands have done. */
export function receivedPush(commands: readonly RefCommand[]): ReceivedPush {
  const refs: ReceivedRef[] = [];
  let length = 0;
  for (const { name, old, new: now } of commands.slice(0, MAX_REFS)) {
    length += name.length;
    if (length > MAX_NAMES_LENGTH) break;
    refs.push({ name, old, new: now });
  }
  return { refs, refCount: commands.length };
}

/** Takes the pushes that whoever was to tell of them has had for `idleMs`. What is no notice of a push is dropped. */
export async function takeUntold(
  { outbox }: Pick<RepositoryStore, "outbox">,
  idleMs: number,
): Promise<readonly UntoldPush[]> {
  const untold: UntoldPush[] = [];
  for (const { id, text } of (await outbox?.take(idleMs)) ?? []) {
    const push = parse(text);
    if (push === undefined) outbox?.settle(id);
    else untold.push({ noticeId: id, push });
  }
  return untold;
}

function parse(text: string): ReceivedPush | undefined {
  try {
    return received.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
