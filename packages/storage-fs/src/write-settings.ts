import { homedir } from "node:os";
import type { FsWriteOptions } from "./schema.ts";

/** The options of a repository with their defaults in place. */
export interface WriteSettings {
  readonly lockTimeoutMs: number;
  readonly packedRefsTimeoutMs: number;
  readonly fsync: boolean;
  readonly homeDirectory: string;
}

/** Fills in the defaults. */
export function writeSettings(options: FsWriteOptions): WriteSettings {
  const { lockTimeoutMs = 5_000, packedRefsTimeoutMs = 10_000, fsync = "batch" } = options;
  const { homeDirectory = homedir() } = options;
  return { lockTimeoutMs, packedRefsTimeoutMs, fsync: fsync === "batch", homeDirectory };
}
