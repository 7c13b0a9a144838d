function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const next = Math.floor(rest / 128);
    bytes.push((rest % 128) | (next > 0 ? 0x80 : 0));
    rest = next;
  } while (rest > 0);
  return bytes;
}

/** A copy out of the base, or bytes to insert. */
export type DeltaStep = { from: number; length: number } | Uint8Array;

/** Writes a delta of these steps (gitformat-pack, "deltified representation"), and what it makes of the base. */
export function encodeDelta(
  base: Uint8Array,
  steps: readonly DeltaStep[],
): { delta: Uint8Array; result: Uint8Array } {
  const ops: number[] = [];
  const parts: Uint8Array[] = [];
  for (const step of steps) {
    if (step instanceof Uint8Array) {
      ops.push(step.length, ...step);
      parts.push(step);
      continue;
    }
    let op = 0x80;
    const operands: number[] = [];
    const length = step.length === 0x10000 ? 0 : step.length;
    for (let i = 0; i < 4; i++) {
      const byte = (step.from >>> (8 * i)) & 255;
      if (byte !== 0) {
        op |= 1 << i;
        operands.push(byte);
      }
    }
    for (let i = 0; i < 3; i++) {
      const byte = (length >>> (8 * i)) & 255;
      if (byte !== 0) {
        op |= 16 << i;
        operands.push(byte);
      }
    }
    ops.push(op, ...operands);
    parts.push(base.subarray(step.from, step.from + step.length));
  }
  const result = new Uint8Array(Buffer.concat(parts));
  return { delta: Uint8Array.from([...varint(base.length), ...varint(result.length), ...ops]), result };
}
