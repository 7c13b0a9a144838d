import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Lab, run, whyNot } from "./lab.ts";
import { CHECKOUT, mountOf } from "./program.ts";

/** A user id that owns nothing but its folder, and one more. */
export const USER = 54_321;
const OTHER = 54_322;

/** Why nothing can be tried as another user here, or `undefined` where it can. */
export function whyNoUser(): string | undefined {
  const absent = ["fusermount3", "setpriv", "unshare"].filter(
    (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0,
  );
  if (absent.length === 0) return whyNot();
  return whyNot() ?? `${absent.join(", ")} is not installed: NO MOUNT OF AN ORDINARY USER IS TESTED`;
}

/**
 * Runs a script of root's beside an ordinary user, in a mount namespace of its own: the checkout and Node may be where only root looks,
 * and so may the device. It finds `$D`, a folder with `mnt` and `home` of the user's, `$MOUNT`, which is `millrace-mount`, and
 * `as_user` and `as_other`, which run a program under those ids.
 * @param origin a repository, which becomes the user's
 * @returns what it said, by lines. Throws with its words where it fails
 */
export async function besideUser(lab: Lab, origin: string, script: string): Promise<readonly string[]> {
  const folder = lab.folder();
  for (const name of ["checkout", "mnt", "home"]) mkdirSync(join(folder, name));
  for (const name of ["node", "fuse.conf"]) writeFileSync(join(folder, name), "");
  for (const each of [folder, origin]) chmodSync(each, 0o755);
  const whole = `set -e
    export D=${folder} O=${USER}:${USER}
    [ -e /etc/fuse.conf ] || : > /etc/fuse.conf
    mknod $D/fuse c 10 229; chmod 666 $D/fuse; chmod 755 $D/node; chown -R $O $D/mnt $D/home ${origin}
    mount --bind ${CHECKOUT} $D/checkout; mount --bind ${process.execPath} $D/node
    mount --bind $D/fuse /dev/fuse; mount --bind $D/fuse.conf /etc/fuse.conf
    { cat /etc/passwd; echo mounter:x:${USER}:${USER}::$D/home:/bin/sh; } > $D/passwd; mount --bind $D/passwd /etc/passwd
    export MOUNT="$D/node ${mountOf("$D/checkout").join(" ")}"
    as() { env HOME=$2 setpriv --reuid=$1 --regid=$1 --clear-groups sh -ec "$3"; }
    as_user() { as ${USER} $D/home "$1"; }
    as_other() { as ${OTHER} / "$1"; }
    until_true() { for i in $(seq 600); do if eval "$1"; then return 0; fi; sleep 0.1; done; echo "never: $1"; return 1; }
    cd /
${script}`;
  const isolated = ["--mount", "--propagation", "private", "sh", "-c", whole];
  return (await run("unshare", isolated, { timeoutMs: 280_000 })).trimEnd().split("\n");
}
