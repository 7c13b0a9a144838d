import { expect, test } from "vitest";
import { besideUser, USER, whyNoUser } from "../support/beside-user.ts";
import { useLab } from "../support/lab.ts";
import { makeRepository } from "../support/repository.ts";

const lab = useLab(whyNoUser());

test("an ordinary user mounts, works with git inside, and unmounts", async () => {
  const origin = lab.keep(makeRepository());
  const said = await besideUser(
    lab,
    origin,
    `cat > $D/as-user <<'END'
      set -e
      $MOUNT --state $D/home/state --cache-dir $D/home/blobs ${origin} $D/mnt > $D/home/said 2>&1 &
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
    as_user "sh $D/as-user"`,
  );
  expect(said).toEqual([
    "version 3",
    `${USER}`,
    `${USER}`,
    "by the user",
    // Nothing is mounted any more, and all that was kept is the user's.
    "0",
    "0",
  ]);
});
