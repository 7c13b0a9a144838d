import { createWorkerPool, type WorkerPool } from "../../src/index.ts";

/** A pool of two threads, and what it has been asked for. */
export interface CountedPool extends WorkerPool {
  readonly asked: {
    /** Tasks since it was last set. */
    runs: number;
    /** Tasks that have not ended. */
    atWork: number;
    /** How often threads were started ahead. */
    preparations: number;
  };
}

export function createCountedPool(): CountedPool {
  const pool = createWorkerPool({ threads: 2 });
  const asked = { runs: 0, atWork: 0, preparations: 0 };
  return {
    ...pool,
    asked,
    prepare() {
      asked.preparations++;
      pool.prepare();
    },
    async run(...task) {
      asked.runs++;
      asked.atWork++;
      try {
        await pool.run(...task);
      } finally {
        asked.atWork--;
      }
    },
  };
}
