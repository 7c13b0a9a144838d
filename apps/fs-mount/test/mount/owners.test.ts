import { describe, expect, test } from "vitest";
import { besideUser, USER, whyNoUser } from "../support/beside-user.ts";
import { useLab } from "../support/lab.ts";
import { makeRepository } from "../support/repository.ts";

const lab = useLab(whyNoUser());

/** What the user does in a mount that root has made for them: `$1` is where. */
const WORK = `
  cat > $D/work <<'END'
    cd $1
    git status --porcelain; cat README.md
    stat -c %u:%g . README.md .git $(git rev-parse --git-dir) $(git rev-parse --git-dir)/HEAD | sort -u
    echo more >> README.md; mkdir new; echo new > new/file; git add -A
    git commit -q -m "by the user"; git status --porcelain; git log -1 --format=%s
    stat -c %u:%g new/file
END
  up() { $MOUNT --uid ${USER} "$@" $D/mnt > $D/said 2>&1 & mount=$!; until_true "grep -q Ctrl-C $D/said" || cat $D/said; }
  tell() { "$@" 2>&1 || :; }`;
const WORKED = ["version 3", `${USER}:${USER}`, "by the user", `${USER}:${USER}`];
/** In the list of mounts. */
const OPTIONS = `grep " $D/mnt " /proc/mounts | cut -d" " -f4`;
const THEIRS = `rw,nosuid,nodev,relatime,user_id=${USER},group_id=${USER}`;

describe("a mount that root makes for a user", () => {
  test("is theirs, with its git directory, and nobody else gets in", async () => {
    const origin = lab.keep(makeRepository());
    const said = await besideUser(
      lab,
      origin,
      `${WORK}
      up --refresh 1s ${origin}
      as_user "sh -e $D/work $D/mnt"
      ${OPTIONS}
      tell as_other "cat $D/mnt/README.md"
      tell cat $D/mnt/README.md
      kill -INT $mount; wait $mount
      grep -c " $D/mnt " /proc/mounts || :
      find $D/home ! -uid ${USER} | wc -l
      ls -d $D/home/.local/state/millrace/mounts/*/git | wc -l`,
    );
    const denied = expect.stringMatching(/README.md: Permission denied$/);
    expect(said).toEqual([...WORKED, THEIRS, denied, denied, "0", "0", "1"]);
  });

  test("works on a git directory that they have brought, and gives it back as theirs", async () => {
    const origin = lab.keep(makeRepository());
    const said = await besideUser(
      lab,
      origin,
      `${WORK}
      as_user "git clone -q --bare file://${origin} $D/home/brought; cp $D/home/brought/config $D/home/config"
      up --prepared-gitdir $D/home/brought file://${origin}
      as_user "sh -e $D/work $D/mnt; git -C $D/mnt rev-parse --absolute-git-dir"
      kill -INT $mount; wait $mount
      find $D/home ! -uid ${USER} | wc -l
      cmp $D/home/config $D/home/brought/config && as_user "git -C $D/home/brought log -1 --format=%s"`,
    );
    const brought = expect.stringMatching(/\/home\/brought$/);
    expect(said).toEqual([...WORKED, brought, "0", "by the user"]);
  });

  test("lets others read, and write where permissions let them, if that is wanted", async () => {
    const origin = lab.keep(makeRepository());
    const said = await besideUser(
      lab,
      origin,
      `${WORK}
      echo user_allow_other > $D/fuse.conf
      up --allow-other ${origin}
      as_user "sh -e $D/work $D/mnt; mkdir $D/mnt/open; chmod 777 $D/mnt/open"
      ${OPTIONS}
      as_other "head -n 1 $D/mnt/README.md"
      tell as_other "echo more >> $D/mnt/README.md"
      as_other "echo theirs > $D/mnt/open/theirs"; stat -c %u $D/mnt/open/theirs
      kill -INT $mount; wait $mount`,
    );
    const denied = expect.stringMatching(/README.md: Permission denied$/);
    const allowed = `${THEIRS},default_permissions,allow_other`;
    expect(said).toEqual([...WORKED, allowed, "version 3", denied, "54322"]);
  });

  test("is kept by a daemon of root's beside its own: commands reach it, and it is there again after kill -9", {
    timeout: 300_000,
  }, async () => {
    const [origin, own] = [lab.keep(makeRepository()), lab.keep(makeRepository())];
    const said = await besideUser(
      lab,
      origin,
      `${WORK}
      start() { $MOUNT daemon --state $D/state --cache-dir $D/blobs --retry 100ms >> $D/said 2>> $D/err & daemon=$!; until_true "$MOUNT list --state $D/state > $D/list 2> $D/none"; }
      ask() { $MOUNT "$@" --state $D/state; }
      state() { ask status $1 --json | sed -n 's/.*"state": "\\(.*\\)".*/\\1/p'; }
      start
      ask add ${origin}@main $D/mnt --name theirs --uid ${USER} --wait > $D/added
      ask add ${own}@main --name own --wait > $D/added
      state theirs; state own; ask list | cut -f1
      as_user "sh -e $D/work $D/mnt"
      ${OPTIONS}
      tell as_other "ls $D/mnt"
      cat $D/state/mnt/own/README.md
      ask doctor --cache-dir $D/blobs | grep FAILED | grep -v "stale mounts" || :
      ask prefetch $D/mnt/src | cut -d, -f1
      ask unmount theirs; ask remount theirs
      kill -9 $daemon; wait $daemon || :
      until_true "! pgrep -u ${USER} > $D/none"
      start
      until_true '[ "$(state theirs)" = mounted ] && [ "$(state own)" = mounted ]'
      as_user "cd $D/mnt; git status --porcelain; git log -1 --format=%s"
      tell ask add ${origin}@main $D/mnt --name again
      ask remove theirs --purge
      ask list | cut -f1
      ls $D/state/owners/*/mounts | wc -l
      kill -TERM $daemon; wait $daemon
      ps -o stat= -u ${USER} | grep -v ^Z || :
      grep -c "^millrace:.* $D/" /proc/mounts || :
      find $D/state/owners/* ! -uid ${USER} | wc -l`,
    );
    expect(said).toEqual([
      "mounted",
      "mounted",
      "own",
      "theirs",
      ...WORKED,
      THEIRS,
      expect.stringMatching(/Permission denied$/),
      "version 3",
      "theirs: 12 files here",
      "unmount: theirs is unmounted",
      "remount: theirs is mounted",
      "by the user",
      expect.stringMatching(/^millrace-mount: .*\/mnt belongs to theirs, at /),
      "removed theirs",
      "own",
      "0",
      "0",
      "0",
    ]);
  });
});
