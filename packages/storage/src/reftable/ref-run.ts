import type { ObjectFormat } from "@millrace/pack";
import type { RefLines } from "../ref-lines.ts";
import { blockLines } from "./block-lines.ts";
import { firstKeyOf, lastKeyOf, readRefs, type TableBlock } from "./read-block.ts";
import type { TableRef } from "./table-records.ts";

/** Refs that follow each other, at least one, decoded when somebody asks. */
export interface RefRun {
  readonly first: string;
  readonly last: string;
  refs(): readonly TableRef[];
  /** The same as lines; `undefined` where they cannot tell it, see `RefLines`. */
  lines(): RefLines | undefined;
}

/** A run of records that are decoded already. */
export function runOf(refs: readonly TableRef[]): RefRun {
  return { first: refs[0]!.key, last: refs.at(-1)!.key, refs: () => refs, lines: () => undefined };
}

/** All refs of a block as a run. */
export function blockRun(block: TableBlock, format: ObjectFormat, minUpdateIndex: number): RefRun {
  return {
    first: firstKeyOf(block),
    last: lastKeyOf(block, format),
    refs: () => readRefs(block, format, minUpdateIndex),
    lines: () => blockLines(block, format),
  };
}

interface Source {
  readonly runs: AsyncIterator<RefRun>;
  run: RefRun | undefined;
  /** The records of the run, once somebody else reaches into it. */
  records: readonly TableRef[] | undefined;
  at: number;
}

/** Whether a source that is not before a run reaches into it. */
function isInside(key: string | undefined, run: RefRun): boolean {
  return key !== undefined && key <= run.last;
}

/** Records that a merged run has at most. */
const BATCH = 1024;

/**
 * Runs of several tables, the newest first, in the order of their keys; of equal keys that of the first source. What no
 * other source reaches into goes through undecoded, deletions included; `keep` judges the rest.
 */
export async function* mergeRuns(
  streams: readonly AsyncIterable<RefRun>[],
  keep: (ref: TableRef) => boolean,
): AsyncGenerator<RefRun> {
  const sources: Source[] = [];
  const refill = async (source: Source): Promise<void> => {
    const next = await source.runs.next();
    source.run = next.done === true ? undefined : next.value;
    source.records = undefined;
    source.at = 0;
  };
  const keyOf = ({ run, records, at }: Source): string | undefined =>
    records === undefined ? run?.first : records[at]?.key;
  try {
    for (const stream of streams) {
      const source = { runs: stream[Symbol.asyncIterator](), run: undefined, records: undefined, at: 0 };
      sources.push(source);
      await refill(source);
    }
    let merged: TableRef[] = [];
    for (;;) {
      let least: Source | undefined;
      let key: string | undefined;
      for (const source of sources) {
        const own = keyOf(source);
        if (own !== undefined && (key === undefined || own < key)) [least, key] = [source, own];
      }
      if (least?.run === undefined || key === undefined) break;
      const { run } = least;
      const others = sources.filter((source) => source !== least);
      if (!others.some((source) => isInside(keyOf(source), run))) {
        if (merged.length > 0) yield runOf(merged);
        merged = [];
        const rest = least.records?.slice(least.at).filter(keep);
        await refill(least);
        if (rest === undefined) yield run;
        else if (rest.length > 0) yield runOf(rest);
        continue;
      }
      least.records ??= run.refs();
      const record = least.records[least.at]!;
      for (const source of sources) {
        if (keyOf(source) !== key) continue;
        source.records ??= source.run!.refs();
        if (++source.at >= source.records.length) await refill(source);
      }
      if (keep(record) && merged.push(record) >= BATCH) {
        yield runOf(merged);
        merged = [];
      }
    }
    if (merged.length > 0) yield runOf(merged);
  } finally {
    for (const { runs } of sources) await runs.return?.();
  }
}
