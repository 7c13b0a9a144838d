import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { removeStaleMount } from "@millrace/fuse";
import { MountError } from "./errors.ts";
import type { Owner } from "./owner.ts";

/** A line of the list of mounts. */
export interface MountedFileSystem {
  /** Without symbolic links. */
  readonly directory: string;
  readonly type: string;
  /** What was mounted, by its own account. */
  readonly source: string;
  /** Whose a mount of ours is: nobody else need be let in, root neither. */
  readonly owner?: Owner | undefined;
}

/** How mounts of ours call themselves. */
const OURS = "millrace:";
const runFile = promisify(execFile);

/** Reads the text of /proc/self/mountinfo (proc_pid_mountinfo(5)); later lines lie over earlier ones. Malformed lines are none. */
export function parseMountInfo(text: string): readonly MountedFileSystem[] {
  const found: MountedFileSystem[] = [];
  for (const line of text.split("\n")) {
    const [front = "", back] = line.split(" - ");
    const directory = front.split(" ")[4];
    const [type, source, options = ""] = back?.split(" ") ?? [];
    if (directory === undefined || type === undefined || source === undefined) continue;
    const [uid, gid] = ["user_id", "group_id"].map(
      (key) => new RegExp(`\\b${key}=(\\d+)`).exec(options)?.[1],
    );
    const owner =
      uid === undefined || gid === undefined ? {} : { owner: { uid: Number(uid), gid: Number(gid) } };
    found.push({ directory: plain(directory), type, source: plain(source), ...owner });
  }
  return found;
}

/** Bytes that would end a field stand there in octal digits. */
function plain(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** The mounts that this process sees. */
export async function listMounts(): Promise<readonly MountedFileSystem[]> {
  const bytes = await readFile("/proc/self/mountinfo", "latin1");
  return parseMountInfo(bytes).map(({ directory, ...rest }) => ({
    ...rest,
    directory: Buffer.from(directory, "latin1").toString(),
  }));
}

/** Whether a mount is one of ours. */
export function isOurs({ source, type }: MountedFileSystem): boolean {
  return source.startsWith(OURS) && type.startsWith("fuse");
}

/** What became of looking at a directory: `stale` where it is a mount whose process has ended. */
export type Look = "answers" | "stale" | "hangs" | "fails";

/**
 * Looks at a directory from another process, which can be ended when nothing comes back: whoever serves the directory may hang, and
 * may be this process. Root looks under the owner's id.
 */
export async function lookAt(directory: string, waitMs: number, owner?: Owner): Promise<Look> {
  try {
    // Of the file system: attributes of its root may be remembered by the kernel, these are asked for each time.
    await runFile("stat", ["-f", "-c", "%b", "--", directory], {
      cwd: "/",
      ...(process.geteuid?.() === 0 ? owner : undefined),
      timeout: waitMs,
      killSignal: "SIGKILL",
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
    });
    return "answers";
  } catch (error) {
    const { killed, stderr = "" } = error as { readonly killed?: boolean; readonly stderr?: string };
    if (killed === true) return "hangs";
    return stderr.includes("Transport endpoint is not connected") ? "stale" : "fails";
  }
}

/**
 * Takes away what mounts of ours have left on a directory, as often as one lies over another. Answers how many.
 * @throws MountError MOUNT_DIRECTORY_TAKEN where something is mounted there that somebody serves
 */
export async function clearDirectory(directory: string): Promise<number> {
  for (let count = 0; ; count++) {
    const there = (await listMounts()).findLast((mounted) => mounted.directory === directory);
    if (there === undefined) return count;
    if (!isOurs(there) || !(await removeStaleMount(directory))) {
      throw new MountError("MOUNT_DIRECTORY_TAKEN", `${there.source} is mounted at ${directory} already`);
    }
  }
}
