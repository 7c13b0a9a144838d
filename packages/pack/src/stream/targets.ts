import type { OperationOptions, RandomAccess } from "../random-access.ts";

/** Bytes that fit into `targets`. */
export function roomOf(targets: readonly Uint8Array[]): number {
  let room = 0;
  for (const target of targets) room += target.length;
  return room;
}

/** The first `room` bytes of `targets`, as views; all of them where they hold no more. */
export function clipTargets(targets: readonly Uint8Array[], room: number): readonly Uint8Array[] {
  const clipped: Uint8Array[] = [];
  let left = room;
  for (const target of targets) {
    if (left <= 0) break;
    clipped.push(target.length <= left ? target : target.subarray(0, left));
    left -= target.length;
  }
  return clipped;
}

/** `targets` without their first `bytes` bytes, as views. */
export function dropFirst(targets: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = bytes;
  for (const target of targets) {
    if (skip < target.length) rest.push(skip > 0 ? target.subarray(skip) : target);
    skip = Math.max(0, skip - target.length);
  }
  return rest;
}

/** Copies `bytes` into `targets`, one behind the other, as far as they fit. */
export function scatter(bytes: Uint8Array, targets: readonly Uint8Array[]): void {
  let at = 0;
  for (const target of targets) {
    if (at >= bytes.length) return;
    target.set(
      bytes.length - at <= target.length ? bytes.subarray(at) : bytes.subarray(at, at + target.length),
    );
    at += target.length;
  }
}

/** `readInto` of any source. */
export async function readInto(
  source: RandomAccess,
  targets: readonly Uint8Array[],
  offset: number,
  options?: OperationOptions,
): Promise<number> {
  if (source.readInto !== undefined) return source.readInto(targets, offset, options);
  const bytes = await source.read(offset, roomOf(targets), options);
  scatter(bytes, targets);
  return bytes.length;
}
