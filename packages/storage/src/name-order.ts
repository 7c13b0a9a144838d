/** Compares two names by their UTF-8 bytes, as git orders refs; negative, zero or positive. */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // UTF-16 puts the halves of a pair before U+E000, UTF-8 puts what they stand for behind U+FFFF.
    const xIsPair = (x & 0xf800) === 0xd800;
    const yIsPair = (y & 0xf800) === 0xd800;
    if (xIsPair === yIsPair) return x - y;
    return xIsPair ? 1 : -1;
  }
  return a.length - b.length;
}

/** The first index in a sorted list of names whose name is not before `name`. */
export function lowerBound(sorted: readonly string[], name: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareNames(sorted[middle] as string, name) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
