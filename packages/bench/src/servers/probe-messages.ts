/** What the runner asks a server's process. */
export interface ProbeQuestion {
  readonly id: number;
  /** Start the event loop's figures afresh after this answer. */
  readonly resetLoop: boolean;
}

/** What it answers. */
export interface ProbeAnswer {
  readonly id: number;
  /** User and system time since its start. */
  readonly cpuSeconds: number;
  /** Processes under way whose time is not in `cpuSeconds` yet. */
  readonly busy: number;
  /** `undefined` where there is no event loop that serves. */
  readonly loopDelayMs?: { readonly p99: number; readonly max: number } | undefined;
}
