import type { OperationOptions } from "@millrace/pack";
import type { Bucket, KeyKind, ListedKey } from "../bucket/bucket.ts";

export interface ListAllOptions extends OperationOptions {
  readonly kind: KeyKind;
  /**
   * Told the last key of a first page that is not all: prefixes behind it, in order, that are worth to be listed at the
   * same time. What lies between them is listed too.
   */
  readonly split?: ((last: string) => Promise<readonly string[]>) | undefined;
}

/** All keys with a prefix: one page after the other, and several stretches at once where there is more than one page. */
export async function listAll(bucket: Bucket, prefix: string, options: ListAllOptions): Promise<ListedKey[]> {
  const { kind, split, signal } = options;
  const first = await bucket.list(kind, prefix, undefined, { signal });
  const last = first.keys.at(-1)?.key;
  if (first.isLast || last === undefined) return [...first.keys];
  const starts = (await split?.(last)) ?? [];

  /** From behind `from` up to `until`, which is not in it. */
  const stretch = async (from: string, until: string | undefined): Promise<ListedKey[]> => {
    const found: ListedKey[] = [];
    for (let after = from; ; ) {
      const page = await bucket.list(kind, prefix, after, { signal });
      for (const listed of page.keys) {
        if (until !== undefined && isBefore(until, listed.key)) return found;
        found.push(listed);
      }
      const end = page.keys.at(-1)?.key;
      if (page.isLast || end === undefined) return found;
      after = end;
    }
  };
  const bounds = [last, ...starts];
  const rest = await Promise.all(bounds.map((from, i) => stretch(from, bounds[i + 1])));
  return [...first.keys, ...rest.flat()];
}

/** Whether a comes before b or is it, by their UTF-8 bytes, as stores order keys. */
function isBefore(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) <= 0;
}
