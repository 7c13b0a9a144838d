import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run, useLab, whyNot } from "../support/lab.ts";
import { CHECKOUT, mountOf } from "../support/program.ts";
import { makeRepository } from "../support/repository.ts";

/** A user id that owns nothing but its folder. */
const USER = 54_321;
const absent = ["fusermount3", "setpriv", "unshare"].filter(
  (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0,
);
const lab = useLab(
  whyNot() ??
    (absent.length === 0
      ? undefined
      : `${absent.join(", ")} is not installed: NO MOUNT OF AN ORDINARY USER IS TESTED`),
);

test("an ordinary user mounts, works with git inside, and unmounts", async () => {
  const origin = lab.keep(makeRepository());
  const folder = lab.folder();
  for (const name of ["checkout", "mnt", "home"]) mkdirSync(join(folder, name));
  for (const name of ["node", "fuse.conf"]) writeFileSync(join(folder, name), "");
  for (const each of [folder, origin]) chmodSync(each, 0o755);
  // In a mount namespace of its own: the checkout and Node may be where only root looks, and so may the device.
  const script = `set -e
    D=${folder} O=${USER}:${USER}
    [ -e /etc/fuse.conf ] || : > /etc/fuse.conf
    mknod $D/fuse c 10 229; chmod 666 $D/fuse; chmod 755 $D/node; chown -R $O $D/mnt $D/home ${origin}
    mount --bind ${CHECKOUT} $D/checkout; mount --bind ${process.execPath} $D/node
    mount --bind $D/fuse /dev/fuse; mount --bind $D/fuse.conf /etc/fuse.conf
    { cat /etc/passwd; echo mounter:x:${USER}:${USER}::$D/home:/bin/sh; } > $D/passwd; mount --bind $D/passwd /etc/passwd
    cat > $D/as-user <<'END'
      set -e
      $D/node ${mountOf("$D/checkout").join(" ")} --state $D/home/state --cache-dir $D/home/blobs \\
        ${origin} $D/mnt > $D/home/said 2>&1 &
      mount=$!
      for i in $(seq 600); do grep -q Ctrl-C $D/home/said && break; sleep 0.1; done
      cd $D/mnt
      git status --porcelain
      cat README.md; stat -c %u README.md .git
      echo more >> README.md; mkdir new; echo new > new/file; git add -A
      git commit -q -m "by the user"; git push -q origin HEAD:refs/heads/theirs; git status --porcelain
      git log -1 --format=%s origin/theirs
      cd /
      kill -INT $mount; wait $mount
      grep -c " $D/mnt " /proc/mounts || :
      find $D/home ! -uid ${USER} | wc -l
END
    cd /
    exec env D=$D HOME=$D/home setpriv --reuid=${USER} --regid=${USER} --clear-groups sh $D/as-user`;
  const said = await run("unshare", ["--mount", "--propagation", "private", "sh", "-c", script], {
    timeoutMs: 120_000,
  });
  expect(said.trimEnd().split("\n")).toEqual([
    "version 3",
    `${USER}`,
    `${USER}`,
    "by the user",
    // Nothing is mounted any more, and all that was kept is the user's.
    "0",
    "0",
  ]);
});
