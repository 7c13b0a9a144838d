/** How many files one commit works on at a time; more only queue up in libuv's pool. */
const FILES_AT_ONCE = 16;

/** Runs a task for each item, a few at a time; when one fails, those beside it end first, then its error is thrown. */
export async function inBatches<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += FILES_AT_ONCE) {
    const results = await Promise.allSettled(items.slice(from, from + FILES_AT_ONCE).map(run));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }
}
