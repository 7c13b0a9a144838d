/** Contents up to this are kept in rows: making and removing a file for one costs more than writing it twice. */
export const MAX_SMALL_BYTES: number = 8 << 10;

/** Bytes of a content from `offset`, fewer at the end. @param sizeBytes what the node tells: what the content does not have is zeros */
export function readSmall(
  content: Uint8Array,
  sizeBytes: number,
  offset: number,
  length: number,
): Uint8Array {
  const wanted = Math.max(0, Math.min(length, sizeBytes - offset));
  if (offset + wanted <= content.length) return content.subarray(offset, offset + wanted);
  const bytes = new Uint8Array(wanted);
  if (offset < content.length) bytes.set(content.subarray(offset));
  return bytes;
}

/** Another content, which has `data` at `offset`; what lies between is zeros. */
export function writeSmall(content: Uint8Array, offset: number, data: Uint8Array): Uint8Array {
  const end = offset + data.length;
  const bytes = Buffer.allocUnsafe(Math.max(content.length, end));
  bytes.set(content);
  if (offset > content.length) bytes.fill(0, content.length, offset);
  bytes.set(data, offset);
  return bytes;
}
