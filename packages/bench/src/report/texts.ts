import type { RepositoryFacts } from "../repositories/measured-repository.ts";
import type { Result } from "../run-contest.ts";
import type { MachineFacts } from "./machine.ts";

/** A number with three digits that count. */
export function numberText(value: number): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 0.001))));
  return value.toFixed(Math.min(digits, 4));
}

/** A share of git's figure. */
export function ratioText(ratio: number | undefined): string {
  return ratio === undefined || !Number.isFinite(ratio) ? "" : numberText(ratio);
}

/** What a figure is held to. */
export function boundText({ bound, unit }: Result): string {
  if (bound?.ratio !== undefined) return `≤ ${bound.ratio}`;
  return bound?.value === undefined ? "" : `≤ ${bound.value} ${unit}`;
}

/** What was measured, and where. */
export function repositoryLine(facts: RepositoryFacts, machine: MachineFacts): string {
  const megabytes = (facts.packBytes / 1e6).toFixed(1);
  return (
    `${facts.name}: ${facts.objects.toLocaleString("en")} objects, ${megabytes} MB, ${facts.refs} refs; ` +
    `Node ${machine.node}, git ${machine.git}, ${machine.cpus} processors`
  );
}
