/**
 * A file system in memory, complete as far as POSIX goes: the tested example of `@millrace/fuse`, and good for scratch space.
 *
 * @packageDocumentation
 */
import type { FileSystem } from "../file-system.ts";
import { MemoryFileSystem } from "./memory-file-system.ts";
import { MemoryOptions } from "./schema.ts";

export { MemoryOptions };

/** Makes an empty file system; `mount` calls it in the serving thread. @throws a ZodError for malformed options */
export function createFileSystem(options: unknown = {}): FileSystem {
  return new MemoryFileSystem(MemoryOptions.parse(options ?? {}));
}
