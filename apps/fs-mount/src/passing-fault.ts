/** What a server or a network may get over by itself. */
const PASSING = new Set<unknown>([
  "PROTOCOL_UNREACHABLE",
  "PROTOCOL_TIMEOUT",
  "PROTOCOL_BAD_STATUS",
  "MOUNT_FETCH_STALLED",
]);

/** Whether the same may succeed later, though nobody does anything. */
export function isPassing(error: unknown): boolean {
  const { code, transient } = (error ?? {}) as { readonly code?: unknown; readonly transient?: unknown };
  return transient === true || PASSING.has(code);
}
