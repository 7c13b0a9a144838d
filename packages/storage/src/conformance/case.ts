import type { Storage } from "../contract.ts";
import type { StorageCapabilities } from "../schema.ts";

/** What a case works on. */
export interface ConformanceContext {
  /** An empty storage of this case's own; whoever runs the case disposes it. */
  readonly storage: Storage;
}

/** One thing every backend must do, told by assertions of node:assert. */
export interface ConformanceCase {
  readonly name: string;
  /** Run it only where all of these are declared. */
  readonly needs: readonly (keyof StorageCapabilities)[];
  run(context: ConformanceContext): Promise<void>;
}
