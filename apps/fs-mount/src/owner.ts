import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { MountError } from "./errors.ts";

/** A user whom a mount belongs to. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What the system knows of a user. */
interface Account {
  readonly name: string;
  readonly gid: number;
  readonly home: string;
}

/** Node has it, its types do not. */
interface Initgroups {
  initgroups?(user: string, extraGroup: number): void;
}

type Environment = Readonly<Record<string, string | undefined>>;

const runFile = promisify(execFile);
/** What says where somebody else's things are. */
const PERSONAL = /^(?:XDG_.*|USER|LOGNAME|MAIL|SSH_AUTH_SOCK|DBUS_SESSION_BUS_ADDRESS|MILLRACE_MOUNT_STATE)$/;

/**
 * The user that a mount is asked for, where it is somebody else than who runs this. What they are given leads to code of theirs, git's
 * settings say, so such a mount is served under their id: `becomeOwner`.
 * @throws MountError MOUNT_OWNER_REFUSED where only root may, and where the group is not known
 */
export async function foreignOwner(
  uid: number | undefined,
  gid: number | undefined,
): Promise<Owner | undefined> {
  const own = process.geteuid?.() ?? 0;
  if (uid === undefined || uid === own) return undefined;
  if (own !== 0) throw new MountError("MOUNT_OWNER_REFUSED", `only root may mount for user ${uid}`);
  const group = gid ?? (await findAccount(uid))?.gid;
  if (group === undefined)
    throw new MountError("MOUNT_OWNER_REFUSED", `user ${uid} is not known here: say --gid, too`);
  return { uid, gid: group };
}

/** The environment of a user: `HOME` is theirs, and nothing tells where another one's things are. */
export async function environmentOf({ uid }: Owner, environment: Environment): Promise<NodeJS.ProcessEnv> {
  const account = await findAccount(uid);
  const kept = Object.entries(environment).filter(([name]) => !PERSONAL.test(name));
  const theirs = account === undefined ? {} : { USER: account.name, LOGNAME: account.name };
  return { ...Object.fromEntries(kept), HOME: account?.home ?? "/", ...theirs };
}

/**
 * Makes this process one of that user's, for good, with their groups and their environment. It is done before anything is opened,
 * and before any thread has begun. Throws what the system says.
 */
export async function becomeOwner(owner: Owner): Promise<void> {
  const environment = await environmentOf(owner, process.env);
  const name = environment["USER"];
  if (name === undefined) process.setgroups?.([owner.gid]);
  else (process as Initgroups).initgroups?.(name, owner.gid);
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
  for (const each of Object.keys(process.env)) if (!(each in environment)) delete process.env[each];
  Object.assign(process.env, environment);
}

/** By whatever the system asks (passwd(5) or a directory service); `undefined` where the user is not known. */
async function findAccount(uid: number): Promise<Account | undefined> {
  try {
    const { stdout } = await runFile("getent", ["passwd", String(uid)], { cwd: "/" });
    const [name = "", , , gid = "", , home = ""] = stdout.trimEnd().split(":");
    return { name, gid: Number(gid), home: home === "" ? "/" : home };
  } catch {
    return undefined;
  }
}
