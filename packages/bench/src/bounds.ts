import type { Figure } from "./figures.ts";

/** What a figure is held to: a share of git's median, or a value in the figure's unit. */
export interface Bound {
  readonly ratio?: number | undefined;
  readonly value?: number | undefined;
}

interface BoundRule extends Bound {
  readonly case: string;
  /** Default: every contest of the case. */
  readonly contest?: string | undefined;
  /** Default: every subject but git. */
  readonly subject?: string | undefined;
  readonly figure: Figure;
}

/** The numbers the project holds itself to. The first rule that fits counts. */
const rules: readonly BoundRule[] = [
  { case: "index-pack", contest: "2 threads", subject: "millrace", figure: "wall", ratio: 0.6 },
  {
    case: "index-pack",
    contest: "2 threads",
    subject: "millrace, no detection",
    figure: "wall",
    ratio: 0.45,
  },
  { case: "index-pack", figure: "peakMemory", value: 256 },
  { case: "push", figure: "cpu", ratio: 0.6 },
  { case: "push", figure: "wall", ratio: 0.7 },
  { case: "push", figure: "peakMemory", value: 256 },
  { case: "push", figure: "loopP99", value: 50 },
  { case: "clone", figure: "cpu", ratio: 0.25 },
  { case: "clone", contest: "warm", figure: "firstByte", value: 50 },
  { case: "clones", figure: "memoryPerClone", value: 30 },
  { case: "clones", figure: "loopP99", value: 50 },
  { case: "fetch", figure: "cpu", ratio: 1 },
  { case: "fetch", figure: "wall", ratio: 1 },
  { case: "enumerate", subject: "millrace", figure: "wall", ratio: 0.5 },
  { case: "enumerate", subject: "millrace, second call", figure: "wall", ratio: 0.05 },
  { case: "enumerate", subject: "millrace, from the sidecar", figure: "wall", ratio: 0.05 },
  { case: "refs", figure: "cpu", ratio: 1 },
  { case: "refs", figure: "wall", ratio: 1 },
  { case: "big-push", figure: "peakMemory", value: 256 },
  { case: "partial", figure: "wall", ratio: 1.3 },
];

/** What a subject's figure is held to, if anything. */
export function boundOf(at: {
  readonly case: string;
  readonly contest: string;
  readonly subject: string;
  readonly figure: Figure;
}): Bound | undefined {
  if (at.subject.startsWith("git")) return undefined;
  const found = rules.find(
    (rule) =>
      rule.case === at.case &&
      rule.figure === at.figure &&
      (rule.contest ?? at.contest) === at.contest &&
      (rule.subject ?? at.subject) === at.subject,
  );
  return found === undefined ? undefined : { ratio: found.ratio, value: found.value };
}
