import { S3Fault } from "./s3-fault.ts";

/**
 * What a `Range` header asks for, as the place of the first byte and the one behind the last; `undefined` where it asks for
 * all, or for something that is no range of bytes and is passed over (RFC 9110, 14.2). Throws `S3Fault` where there is
 * nothing of it.
 */
export function rangeOf(header: string | undefined, sizeBytes: number): [number, number] | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  const [from, to] =
    first === ""
      ? [Math.max(0, sizeBytes - Number(last)), sizeBytes]
      : [Number(first), last === "" ? sizeBytes : Math.min(sizeBytes, Number(last) + 1)];
  if (from >= to) throw new S3Fault(416, "InvalidRange");
  return [from, to];
}
