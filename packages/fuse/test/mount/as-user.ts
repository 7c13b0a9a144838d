/** Runs `user-program.ts` as somebody else, in a mount namespace of its own. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { beside, run } from "./lab.ts";

/** A user id that owns nothing but its folder. */
export const USER = 54_321;

/** What the machine is like for the program. */
export interface Circumstances {
  /** Who runs it. Default `USER`. */
  readonly uid?: number;
  /** Lines of /etc/fuse.conf. Default none. */
  readonly conf?: string;
  /** Lines of shell, run as root before: `$D` is the folder of the run, `$O` who runs the programs. */
  readonly before?: string;
  /** Further words for `setpriv`. */
  readonly rights?: string;
  /** What PATH is for the program. */
  readonly path?: string;
  /** The option `--import` and what follows before the program's arguments. */
  readonly programs: readonly (readonly [what: string, options?: object])[];
  /** Lines of shell, run as root behind the programs. */
  readonly after?: string;
}

/**
 * The programs one after the other, on the folder `mnt` of `folder`, which their user owns. The checkout and Node are to be seen
 * there by anybody; so is the device, which is root's alone where no rules of udev have opened it.
 * @returns what each has printed, and what `after` has
 */
export async function asUser(folder: string, circumstances: Circumstances): Promise<string[]> {
  const {
    uid = USER,
    conf = "",
    before = "",
    rights = "",
    path = process.env.PATH,
    after = "",
  } = circumstances;
  for (const name of ["checkout", "mnt"]) mkdirSync(join(folder, name));
  for (const [name, text] of [
    ["node", ""],
    ["fuse.conf", conf],
  ] as const)
    writeFileSync(join(folder, name), text);
  chmodSync(folder, 0o755);
  const top = beside("../../../..");
  const program = `$D/checkout/${relative(top, fileURLToPath(new URL("user-program.ts", import.meta.url)))}`;
  const node = `$D/node --import $D/checkout/scripts/typescript-threads.js --conditions @millrace/source ${program}`;
  const identity = uid === 0 ? "" : `--reuid=${uid} --regid=${uid} --clear-groups`;
  const lines = circumstances.programs.map(
    ([what, options = {}]) =>
      `PATH="${path}" "$S" ${identity} ${rights} ${node} ${what} $D/mnt '${JSON.stringify(options)}' || echo "status $?"`,
  );
  const script = `set -e
    D=${folder} S=$(command -v setpriv) O=${uid}:${uid}
    [ -e /etc/fuse.conf ] || : > /etc/fuse.conf
    mknod $D/fuse c 10 229; chmod 666 $D/fuse; chown ${uid}:${uid} $D/mnt; chmod 755 $D/node
    mount --bind ${top} $D/checkout; mount --bind ${process.execPath} $D/node
    mount --bind $D/fuse /dev/fuse; mount --bind $D/fuse.conf /etc/fuse.conf
    { cat /etc/passwd; echo mounter:x:${USER}:${USER}::/:/bin/sh; } > $D/passwd; mount --bind $D/passwd /etc/passwd
    ${before}
    cd /
    ${lines.join("\n    ")}
    ${after}`;
  const said = await run("unshare", ["--mount", "--propagation", "private", "sh", "-c", script], {
    timeoutMs: 120_000,
  });
  return said.trim().split("\n");
}
