import { createHash } from "node:crypto";
import { isAbsolute, join } from "node:path";
import { MountError } from "../errors.ts";

/** What the system takes (unix(7), `sun_path` without its end). */
const MAX_SOCKET_BYTES = 107;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where the daemon of a state folder listens: in the folder, or where that is too deep for a socket, in the user's folder for such
 * things (XDG Base Directory Specification) under a name of its own.
 * @param folder without symbolic links
 * @throws MountError MOUNT_SOCKET_PATH where neither is short enough
 */
export function chooseSocketPath(folder: string, environment: Environment): string {
  const plain = join(folder, "control.sock");
  if (Buffer.byteLength(plain) <= MAX_SOCKET_BYTES) return plain;
  const runtime = environment["XDG_RUNTIME_DIR"];
  if (runtime !== undefined && isAbsolute(runtime)) {
    const digest = createHash("sha256").update(folder).digest("hex").slice(0, 24);
    const short = join(runtime, `millrace-${digest}.sock`);
    if (Buffer.byteLength(short) <= MAX_SOCKET_BYTES) return short;
  }
  throw new MountError(
    "MOUNT_SOCKET_PATH",
    `${plain} is longer than the ${MAX_SOCKET_BYTES} bytes that a socket's path may have: take a shorter state folder, or set XDG_RUNTIME_DIR`,
  );
}
