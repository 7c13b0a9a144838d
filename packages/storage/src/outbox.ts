import type { OperationOptions } from "@millrace/pack";

/** Something that somebody is to be told of a commit; it stays in the repository until that was done. */
export interface Notice {
  readonly id: string;
  readonly text: string;
}

/**
 * What commits have left to be told. A notice belongs to who committed it, until that one has had it for `idleMs` and it is
 * still there: so each is told at least once, whoever dies.
 */
export interface Outbox {
  /** Whether, as far as this process knows, there is something to take. Asks nobody. */
  isDue(idleMs: number): boolean;
  /** Takes notices that whoever had them has had for `idleMs`, the oldest first; nobody else gets these for as long. */
  take(idleMs: number, options?: OperationOptions): Promise<readonly Notice[]>;
  /**
   * Forgets a notice that was told. That may ride on the next commit; it is done when the storage is disposed, where the
   * backend can.
   */
  settle(id: string): void;
}

/** Longer texts are refused, so that what waits stays small. */
export const MAX_NOTICE_BYTES: number = 64 * 1024;
/** As many notices wait in a repository; older ones are forgotten. */
export const MAX_NOTICES: number = 256;
