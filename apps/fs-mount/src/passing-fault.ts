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

/** Whether it is the mount itself that could not be made: whoever stands in its way may leave. */
export function isOfMounting(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  if (code === "MOUNT_DIRECTORY_TAKEN" || code === "MOUNT_NOT_MOUNTED") return true;
  return typeof code === "string" && code.startsWith("FUSE_");
}
