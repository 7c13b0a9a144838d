/** Whether an error says that there is no space, or none for this user. */
export function isDiskFull(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return code === "ENOSPC" || code === "EDQUOT";
}
