import { writeSync } from "node:fs";

/** Writes to standard output, a pipe which may be full for a moment. */
export function tell(line: string): void {
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}
