import type { RepositoryFacts } from "../repositories/measured-repository.ts";
import type { Result } from "../run-contest.ts";
import type { MachineFacts } from "./machine.ts";

/** One result as a line of JSON, with all that is needed to read it alone. */
export function jsonLine(result: Result, machine: MachineFacts, repository: RepositoryFacts): string {
  const { min, median, max, ratio, ...rest } = result;
  return JSON.stringify({
    ...rest,
    min: rounded(min),
    median: rounded(median),
    max: rounded(max),
    ratio: ratio === undefined ? undefined : rounded(ratio),
    ...machine,
    repository,
  });
}

function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
