/**
 * Lets tests keep their temporary folders in memory where Linux offers room for that: they make and remove many small
 * repositories, and git, as we do, waits for the disk after each. TMPDIR, where it is set, counts.
 */
import { statfsSync } from "node:fs";

const folder = "/dev/shm";
/** What the largest cases need, twice over. */
const roomBytes = 8 * 2 ** 30;

if (process.env.TMPDIR === undefined && roomIn(folder) >= roomBytes) process.env.TMPDIR = folder;

function roomIn(path) {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return 0;
  }
}
