import type { EndpointKind } from "../endpoints.ts";
import { isLight } from "../light.ts";
import type { DialogueRun } from "./describe-dialogue.ts";

const matrix = (["sha1", "sha256"] as const).flatMap((format) =>
  [0, 1, 2].map((protocol) => ({ format, protocol })),
);

/** Both formats in every version of the protocol; the second Node runs the one at this index. */
export function allRuns(kind: EndpointKind, lightly: number): DialogueRun[] {
  return pick(kind, isLight ? [lightly] : [0, 1, 2, 3, 4, 5]);
}

/** Each version once: for a transport that is told apart by none of them. */
export function someRuns(kind: EndpointKind, lightly: number): DialogueRun[] {
  return pick(kind, isLight ? [lightly] : [0, 2, 4]);
}

/** Each format once, in the newest and the oldest version: for kinds that share their transport with one that runs all. */
export function twoRuns(kind: EndpointKind, lightly: number): DialogueRun[] {
  return pick(kind, isLight ? [lightly] : [2, 3]);
}

function pick(kind: EndpointKind, indexes: readonly number[]): DialogueRun[] {
  return matrix.filter((_, index) => indexes.includes(index)).map((run) => ({ kind, ...run }));
}
