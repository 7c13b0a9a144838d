/** A file system in memory that tells everybody who asks (access(2)) that nothing may be written. */
import { Errno, type FileSystem } from "../../src/index.ts";
import * as memory from "../../src/memory/index.ts";

const W_OK = 2;

export function createFileSystem(): FileSystem {
  const files = memory.createFileSystem();
  files.access = (_nodeId, mask): void => {
    if ((mask & W_OK) !== 0) throw new Errno("EACCES");
  };
  return files;
}
