import type { Contest } from "./bench-case.ts";
import { type Bound, boundOf } from "./bounds.ts";
import { type Figure, figures, type Sample } from "./figures.ts";
import { type Spread, spreadOf } from "./statistics.ts";

/** One figure of one subject. */
export interface Result extends Spread {
  readonly case: string;
  readonly contest: string;
  readonly subject: string;
  readonly note?: string | undefined;
  readonly figure: Figure;
  readonly unit: string;
  /** Median over git's median; `undefined` for git itself and where git has no such figure. */
  readonly ratio?: number | undefined;
  readonly bound?: Bound | undefined;
  /** Whether the bound holds; `undefined` without one. */
  readonly holds?: boolean | undefined;
}

/** Lets the subjects work in turn, each run beginning with another one, and sums up. */
export async function runContest(
  caseName: string,
  { name, subjects }: Contest,
  runs: number,
  onMeasured: (text: string) => void,
): Promise<Result[]> {
  const samples = new Map<string, Sample[]>(subjects.map((subject) => [subject.name, []]));
  for (let run = 0; run < runs; run++) {
    for (let turn = 0; turn < subjects.length; turn++) {
      const subject = subjects[(run + turn) % subjects.length];
      if (subject === undefined) continue;
      onMeasured(`${caseName}, ${name}: run ${run + 1} of ${runs}, ${subject.name}`);
      samples.get(subject.name)?.push(await subject.measure());
    }
  }
  const results: Result[] = [];
  for (const { name: subject, note } of subjects) {
    for (const figure of Object.keys(figures) as Figure[]) {
      const spread = spreadFor(samples.get(subject), figure);
      if (spread === undefined) continue;
      const reference = subject === "git" ? undefined : spreadFor(samples.get("git"), figure);
      const ratio = reference === undefined ? undefined : spread.median / reference.median;
      const bound = boundOf({ case: caseName, contest: name, subject, figure });
      results.push({
        case: caseName,
        contest: name,
        subject,
        note,
        figure,
        unit: figures[figure].unit,
        ...spread,
        ratio,
        bound,
        holds: bound === undefined ? undefined : isWithin(bound, spread.median, ratio),
      });
    }
  }
  return results;
}

function spreadFor(samples: readonly Sample[] | undefined, figure: Figure): Spread | undefined {
  const values = (samples ?? []).flatMap((sample) => sample[figure] ?? []);
  return values.length === 0 ? undefined : spreadOf(values);
}

function isWithin({ ratio, value }: Bound, median: number, measured: number | undefined): boolean {
  return median <= (value ?? Number.POSITIVE_INFINITY) && (ratio === undefined || (measured ?? 0) <= ratio);
}
