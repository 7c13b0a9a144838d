/** A file system for tests of what goes wrong: files that answer late, never, or take the thread with them. */
import { constants } from "node:fs";
import { getHeapSpaceStatistics } from "node:v8";
import { type Caller, Errno, type FileSystem, OPENED, ROOT_ID } from "../../src/index.ts";

const NAMES = "  plain never deaf crash interrupts count lookups slow spin young hanging".split(" ");
/** Files that are asked for at each read. */
const UNCACHED = new Set(["never", "interrupts", "hanging"].map((name) => NAMES.indexOf(name)));
const KEEP_MS = 3_600_000;
const time = { seconds: 1, nanoseconds: 0 };

export function createFileSystem(): FileSystem {
  let [interrupts, reads, lookups, hanging] = [0, 0, 0, 0];
  const stat = (nodeId: number) => ({
    ino: nodeId,
    sizeBytes: nodeId === 2 || nodeId >= 100 ? 6 : 2,
    blocks: 1,
    atime: time,
    mtime: time,
    ctime: time,
    mode: nodeId === ROOT_ID ? constants.S_IFDIR | 0o755 : constants.S_IFREG | 0o644,
    nlink: 1,
    uid: 0,
    gid: 0,
    rdev: 0,
    blockSizeBytes: 4096,
  });
  return {
    lookup(_parent, name) {
      const later = /^later-(\d+)$/.exec(name);
      const nodeId = later === null ? NAMES.indexOf(name) : 100 + Number(later[1]);
      if (nodeId >= 2) {
        return { nodeId, attributes: stat(nodeId), entryTimeoutMs: KEEP_MS, attributesTimeoutMs: KEEP_MS };
      }
      lookups++;
      return { absentForMs: KEEP_MS };
    },
    getattr: (nodeId) => ({ attributes: stat(nodeId), timeoutMs: KEEP_MS }),
    open: (nodeId) => ({
      handle: nodeId,
      flags: UNCACHED.has(nodeId) ? OPENED.DIRECT_IO : OPENED.KEEP_CACHE,
    }),
    release: () => undefined,
    async read(nodeId, _handle, offset, _sizeBytes, caller): Promise<Uint8Array> {
      const all = Buffer.from(await contents(nodeId, caller));
      return all.subarray(offset);
    },
  };

  async function contents(nodeId: number, caller: Caller): Promise<string> {
    switch (NAMES[nodeId]) {
      case "plain":
        return "plain\n";
      case "never":
        return await new Promise((_, reject) => {
          caller.signal.addEventListener("abort", () => {
            interrupts = 1;
            reject(new Errno("EINTR"));
          });
        });
      case "deaf":
        hanging++;
        return await new Promise(() => undefined);
      case "crash":
        setImmediate(() => {
          throw new Error("This thread dies, as the test has it");
        });
        return await new Promise(() => undefined);
      case "interrupts":
        return `${interrupts}\n`;
      case "hanging":
        return `${hanging}\n`;
      case "count":
        return `${++reads}\n`;
      case "lookups":
        return `${lookups}\n`;
      case "spin":
        // The thread is stuck for good.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
        return "";
      case "slow":
        await new Promise((resolve) => setTimeout(resolve, 1500));
        return "s\n";
      case "young":
        return `${youngMiB()}\n`;
      default:
        await new Promise((resolve) => setTimeout(resolve, 20));
        return "later\n";
    }
  }
}

/** MiB that this thread keeps for what lives shortly, when it has made much of that. */
function youngMiB(): number {
  const living: unknown[] = [];
  for (let i = 0; i < 3e6; i++) living[i % 1000] = { text: `${i}` };
  const { space_size } = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")!;
  return Math.ceil(space_size / 2 ** 20);
}
