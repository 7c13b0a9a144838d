import type { RowChange } from "./registry.ts";
import type { Row } from "./schema.ts";

/** What a keeper works with. */
export interface KeeperHost {
  /** The folder of this mount's own. */
  readonly stateFolder: string;
  readonly cacheFolder: string;
  readonly cacheBytes: number | undefined;
  /** The first wait before a mount that failed is tried again, in milliseconds; it doubles up to ten times that. */
  readonly retryMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Writes to the row; throws MOUNT_ROW_CHANGED where it has been begun anew, or taken out. */
  readonly write: (row: Row, change: RowChange) => Row;
  readonly log: (text: string) => void;
}
