import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mount } from "@millrace/fuse";
import { expect, test } from "vitest";
import { afterPowerLoss } from "../overlay/losing-disk.ts";
import { useForeground } from "../support/foreground.ts";
import { run, useLab } from "../support/lab.ts";
import { makeRepository } from "../support/repository.ts";

const lab = useLab();
const foreground = useForeground();

/** Changes of all kinds: contents that are rows and such that are files, names, modes, links, removals. */
const WORK = `
mkdir -p made/deep; echo small > made/small; seq 20000 > made/deep/large; ln -s small made/link; ln made/small made/other
echo more >> README.md; seq 9000 >> src/part-0/file-0.c; truncate -s 5 src/part-0/file-3.c; chmod 700 run.sh
mv src/part-1 moved; mv src/part-2/file-2.c names/came; rm large.bin; echo over > .over; mv .over empty
`;

/** Names with their kinds, modes and targets, and below them contents. */
const NAMES = `find . -name .git -prune -o -printf '%y %m %P %l\\n' | LC_ALL=C sort`;
const CONTENTS = `find . -name .git -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha1sum`;

/** fsync(2) of what is below a directory, of one kind. */
const SYNC = `
import os, stat, sys
is_wanted = {"files": stat.S_ISREG, "directories": stat.S_ISDIR}[sys.argv[1]]
for folder, names, files in os.walk("."):
    for path in [folder] + [os.path.join(folder, name) for name in files if name != ".git"]:
        if not is_wanted(os.lstat(path).st_mode):
            continue
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)
`;

test.each([
  ["files", `${NAMES}; ${CONTENTS}`],
  ["directories", NAMES],
])("a loss of power takes nothing of a mount in which fsync was called on its %s", async (kind, look) => {
  const [disk, record] = [mkdtempSync(join(tmpdir(), "disk-")), mkdtempSync(join(tmpdir(), "record-"))];
  const [origin, directory, left] = [lab.keep(makeRepository()), lab.folder(), lab.folder()];
  // git's directory has its own tests: here it stays as it was.
  const elsewhere = ["--git-dir", join(lab.folder(), "git"), "--cache-dir", lab.folder()];
  const losing = await mount({
    directory: disk,
    module: new URL("../overlay/losing-disk.ts", import.meta.url),
    data: { record },
  });
  const sh = (script: string): Promise<string> => run("sh", ["-ec", script], { cwd: directory });
  try {
    const { child } = await foreground.start(origin, directory, [
      "--state",
      join(disk, "new/state"),
      ...elsewhere,
    ]);
    await sh("git status --porcelain");
    await sh(WORK);
    const before = await sh(look);
    await run("python3", ["-c", SYNC, kind], { cwd: directory });
    afterPowerLoss(record, left);
    child.kill("SIGKILL");
    await run("umount", ["-l", directory]);
    await foreground.start(origin, directory, ["--state", join(left, "new/state"), ...elsewhere]);
    expect(await sh(look)).toBe(before);
    const told = await sh("git status --porcelain");
    expect(await sh("git -c core.fsmonitor=false status --porcelain")).toBe(told);
  } finally {
    await foreground.end();
    await losing.abort();
    rmSync(disk, { recursive: true });
    rmSync(record, { recursive: true });
  }
});
