import type { EndpointKind } from "../endpoints.ts";
import { isLight } from "../light.ts";
import type { DialogueRun } from "./describe-dialogue.ts";

const FORMATS = ["sha1", "sha256"] as const;
const PROTOCOLS = [0, 1, 2] as const;

/** Both formats in every version of the protocol; the clones are shared out, so that each is made once in each version. */
export function allRuns(kind: EndpointKind, lightly: number): DialogueRun[] {
  const runs = FORMATS.flatMap((format, half) =>
    PROTOCOLS.map((protocol) => ({ kind, format, protocol, share: { of: 2, at: (half + protocol) % 2 } })),
  );
  return sampled(runs, lightly);
}

/** Each version of the protocol, for a transport that is told apart by none of them: each clone is made in one of them. */
export function someRuns(kind: EndpointKind, lightly: number): DialogueRun[] {
  const runs = PROTOCOLS.map((protocol) => ({
    kind,
    format: protocol === 1 ? FORMATS[1] : FORMATS[0],
    protocol,
    share: { of: 3, at: protocol },
  }));
  return sampled(runs, lightly);
}

/** Each format, in the newest and the oldest version, for kinds that share their transport with one that runs all: each clone is made once. */
export function twoRuns(kind: EndpointKind, lightly: number): DialogueRun[] {
  const runs = FORMATS.map((format, at) => ({
    kind,
    format,
    protocol: at === 0 ? 2 : 0,
    share: { of: 2, at },
  }));
  return sampled(runs, lightly);
}

/** The second Node runs the one at this index. */
function sampled(runs: readonly DialogueRun[], lightly: number): DialogueRun[] {
  return runs.filter((_, index) => !isLight || index === lightly);
}
