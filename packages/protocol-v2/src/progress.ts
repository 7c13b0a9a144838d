import type { PackProgress, ReceiveProgress } from "./host.ts";

/** Takes one piece of a progress display, ending in `\r` or `\n`. */
export type ProgressWriter = (text: string) => void;

/** Takes how far something with a known total has come. */
export type Meter = (done: number) => void;

/**
 * A percentage as git shows it: one line for each percent, told with the first count that reaches it, and a last one
 * when all is done. What is shown depends on the total alone, however seldom or often `done` is reported.
 */
export function createPercentMeter(
  title: string,
  total: number,
  startAt: 0 | 1,
  write: ProgressWriter,
): Meter {
  let percent = -1;
  let counted = startAt - 1;
  let finished = false;
  return (done) => {
    if (finished) return;
    const reached = Math.min(done, total);
    while (counted < reached) {
      // The first count behind `counted` that shows another percent.
      const shown: number =
        percent < 0 ? startAt : Math.max(counted + 1, Math.ceil(((percent + 1) * total) / 100));
      if (shown > reached) return;
      counted = shown;
      percent = Math.floor((shown * 100) / total);
      write(`${line(title, percent, shown, total)}\r`);
    }
    if (reached === total) {
      finished = true;
      write(`${line(title, 100, total, total)}, done.\n`);
    }
  };
}

function line(title: string, percent: number, done: number, total: number): string {
  return `${title}: ${String(percent).padStart(3)}% (${done}/${total})`;
}

/** Turns the making of a pack into git's lines for the user; the last, of totals, is kept until `finish`. */
export function createPackProgress(write: ProgressWriter): {
  report(progress: PackProgress): void;
  finish(): void;
} {
  let counting: Meter | undefined;
  let totals: string | undefined;
  return {
    report(progress) {
      switch (progress.phase) {
        case "enumerating":
          if (progress.done && progress.objects > 0)
            write(`Enumerating objects: ${progress.objects}, done.\n`);
          return;
        case "counting":
          if (progress.total === 0) return;
          counting ??= createPercentMeter("Counting objects", progress.total, 1, write);
          counting(progress.objects);
          return;
        case "total":
          totals = `Total ${progress.objects} (delta ${progress.deltas}), reused ${progress.reused} (delta ${progress.reusedDeltas}), pack-reused 0\n`;
      }
    },
    finish() {
      if (totals !== undefined) write(totals);
    },
  };
}

/** Turns the receiving of a pack into the lines git's server shows: only the resolving of deltas has some. */
export function createReceiveProgress(write: ProgressWriter): (progress: ReceiveProgress) => void {
  let resolving: Meter | undefined;
  return (progress) => {
    if (progress.phase !== "resolving" || progress.total === 0) return;
    resolving ??= createPercentMeter("Resolving deltas", progress.total, 0, write);
    resolving(progress.deltas);
  };
}
