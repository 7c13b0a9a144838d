import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { FuseError } from "../errors.ts";
import { loadLibc } from "../native/libc.ts";
import { type Attachment, type AttachOptions, commonOptions } from "./attachment.ts";
import { COMMAND_MS, refusedUnmount, runCommand } from "./run-command.ts";

/** How often is looked for the descriptor, in milliseconds. */
const LOOK_MS = 5;
const MAX_WORDS = 4096;
const S_ISUID = 0o4000;

/**
 * Mounts by `fusermount3`, which is set-user-id root and so may do it for anybody: it opens the device and hands the
 * descriptor over a socket whose number is in `_FUSE_COMMFD` (`fusermount3(1)`, libfuse's `lib/mount.c`).
 * @throws FuseError FUSE_NATIVE_MISSING, FUSE_HELPER_UNUSABLE, FUSE_NOT_PERMITTED, FUSE_UNAVAILABLE, FUSE_MOUNT_FAILED
 */
export async function attachByHelper(asked: AttachOptions): Promise<Attachment> {
  const { directory, autoUnmount } = asked;
  const libc = await loadLibc();
  const [ours, theirs] = libc.socketPair();
  let kept = false;
  try {
    const options = [
      `fsname=${asked.name}`,
      ...commonOptions(asked),
      ...(autoUnmount ? ["auto_unmount"] : []),
    ];
    let helper: Helper;
    try {
      helper = startHelper(["-o", options.join(","), "--", directory], theirs);
    } finally {
      closeSync(theirs);
    }
    const fd = await descriptor(helper, () => libc.receiveDescriptor(ours));
    if (autoUnmount) helper.leave();
    kept = autoUnmount;
    return {
      fd,
      detach: async (lazy) => await detachByHelper(directory, lazy),
      // A helper that waits for our end unmounts when this is closed, by whatever end.
      close: () => {
        if (kept) closeSync(ours);
        kept = false;
      },
    };
  } finally {
    if (!kept) closeSync(ours);
  }
}

/** @throws FuseError FUSE_BUSY, FUSE_MOUNT_FAILED */
export async function detachByHelper(directory: string, lazy: boolean): Promise<void> {
  const result = await runCommand("fusermount3", ["-u", ...(lazy ? ["-z"] : []), "--", directory]);
  if (result.status !== 0) throw refusedUnmount("fusermount3", result);
}

/** The helper while it runs. */
interface Helper {
  readonly child: ChildProcess;
  /** What it has said. */
  words(): string;
  /** `undefined` while it runs. */
  outcome(): { readonly status: number | null } | { readonly error: Error } | undefined;
  /** Waits for it no longer: it stays until this process ends. */
  leave(): void;
}

function startHelper(args: readonly string[], socket: number): Helper {
  const child = spawn("fusermount3", args, {
    stdio: ["ignore", "ignore", "pipe", socket],
    env: { ...process.env, _FUSE_COMMFD: "3" },
  });
  let words = "";
  let outcome: ReturnType<Helper["outcome"]>;
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    if (words.length < MAX_WORDS) words += text;
  });
  child.on("error", (error) => (outcome = { error }));
  child.on("close", (status) => (outcome ??= { status }));
  return {
    child,
    words: () => words.trim(),
    outcome: () => outcome,
    leave: () => {
      child.stderr?.destroy();
      child.unref();
    },
  };
}

/** Waits until the descriptor is there or the helper has given up. */
async function descriptor(helper: Helper, receive: () => number | undefined): Promise<number> {
  for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
    const outcome = helper.outcome();
    // Looked at before the socket: what a helper sends, it sends before its end.
    const fd = receive();
    if (fd !== undefined) return fd;
    if (outcome !== undefined && "error" in outcome) {
      throw new FuseError(
        "FUSE_HELPER_UNUSABLE",
        "fusermount3 cannot be run: is fuse3 installed?",
        outcome.error,
      );
    }
    if (outcome !== undefined) throw await refusedMount(helper.words() || `status ${outcome.status}`);
    if (waitedMs >= COMMAND_MS) {
      helper.child.kill("SIGKILL");
      throw new FuseError("FUSE_MOUNT_FAILED", "fusermount3 hands nothing over");
    }
    await sleep(LOOK_MS);
  }
}

/** What the helper's words mean. */
async function refusedMount(words: string): Promise<FuseError> {
  const said = words.startsWith("fusermount3: ") ? words : `fusermount3: ${words}`;
  if (/failed to open \/dev\/fuse/.test(words)) return new FuseError("FUSE_UNAVAILABLE", said);
  if (/Operation not permitted/.test(words)) {
    const why = await whyPowerless();
    if (why !== undefined) return new FuseError("FUSE_HELPER_UNUSABLE", `${said} (${why})`);
    return new FuseError("FUSE_NOT_PERMITTED", said);
  }
  const denied = /allow_other|Permission denied|no write access|not owned/.test(words);
  return new FuseError(denied ? "FUSE_NOT_PERMITTED" : "FUSE_MOUNT_FAILED", said);
}

/** Why the helper has no more rights than its caller, where that is so. */
async function whyPowerless(): Promise<string | undefined> {
  if (/^NoNewPrivs:\s*1$/m.test(await readFile("/proc/self/status", "utf8"))) {
    return "no_new_privs is set: programs run without their set-user-id bit";
  }
  const { out: path } = await runCommand("sh", ["-c", "command -v fusermount3"]);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || (found.uid === 0 && (found.mode & S_ISUID) !== 0)) return undefined;
  return `${path} is not set-user-id root`;
}
