/** Room in front of each content in the kernel's memory, for the header that is hashed with it. */
export const HEADROOM_BYTES = 64;
/** Room behind each content that the kernel may scribble on. */
export const SLACK_BYTES = 64;

const ALIGNMENT = 64;

/** The next address from `address` on at which something may start. */
export function align(address: number): number {
  return Math.ceil(address / ALIGNMENT) * ALIGNMENT;
}
