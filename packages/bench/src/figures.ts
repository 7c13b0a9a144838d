/** What is measured, with its unit and what a table calls it. Less is better in all of them. */
export const figures = {
  wall: { unit: "s", label: "time" },
  cpu: { unit: "s", label: "CPU" },
  firstByte: { unit: "ms", label: "first pack byte" },
  peakMemory: { unit: "MiB", label: "peak memory" },
  memoryPerClone: { unit: "MiB", label: "memory per further clone" },
  loopP99: { unit: "ms", label: "event loop delay, p99" },
  loopMax: { unit: "ms", label: "event loop delay, max" },
  sent: { unit: "MiB", label: "sent" },
} as const satisfies Record<string, { unit: string; label: string }>;

export type Figure = keyof typeof figures;

/** One measurement. */
export type Sample = Readonly<Partial<Record<Figure, number>>>;

const MIB = 1024 * 1024;

/** Bytes as the figures have them. */
export function mebibytes(bytes: number): number {
  return bytes / MIB;
}
