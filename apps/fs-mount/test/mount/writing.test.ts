import { describe, expect, test } from "vitest";
import { run, useLab } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();

const STATUS = ["-c", "core.fsmonitor=false", "status", "--porcelain=v1"];
const sh = async (directory: string, script: string): Promise<string> =>
  await run("sh", ["-ec", script], { cwd: directory });

describe("a mount that can be written", () => {
  test("is what it was after a restart, and git takes nothing else for changed", async () => {
    const origin = lab.keep(makeRepository());
    const kept = lab.folders();
    const { directory } = kept;
    const first = await lab.mountRepository(origin, kept);
    await sh(
      directory,
      `echo more >> README.md
       mkdir made && echo text > made/file && ln -s file made/link && ln made/file made/other
       mv src/part-1 moved
       rm run.sh
       chmod 755 empty`,
    );
    const shown = async (): Promise<string[]> => [
      await run("git", STATUS, { cwd: directory }),
      await run("git", ["diff"], { cwd: directory }),
      await run("ls", ["-AlRi", "--time-style=full-iso"], { cwd: directory }),
      await run("find", [".", "-type", "f", "-not", "-name", ".git", "-exec", "sha1sum", "{}", "+"], {
        cwd: directory,
      }),
    ];
    const before = await shown();
    expect(before[0]).toBe(
      " M README.md\n M empty\n D run.sh\n D src/part-1/file-1.c\n D src/part-1/file-10.c\n D src/part-1/file-4.c\n" +
        " D src/part-1/file-7.c\n?? made/\n?? moved/\n",
    );
    expect(before[1]).toContain("+more\n");
    await first.mounted.unmount();
    const again = await lab.mountRepository(origin, kept);
    expect(await shown()).toEqual(before);
    expect(again.faults).toEqual([]);
    expect(first.faults).toEqual([]);
    await again.mounted.unmount();
    const readOnly = await lab.mountRepository(origin, { ...kept, readOnly: true });
    expect(await run("git", STATUS, { cwd: directory })).toBe("");
    await expect(sh(directory, "echo x > new")).rejects.toThrow("Read-only file system");
    await readOnly.mounted.unmount();
    await lab.mountRepository(origin, kept);
    expect((await shown())[0]).toBe(before[0]);
  });

  test("is one for each state folder", async () => {
    const origin = lab.keep(makeRepository());
    const stateFolder = lab.folder();
    const { mounted } = await lab.mountRepository(origin, { stateFolder });
    await expect(lab.mountRepository(origin, { stateFolder })).rejects.toMatchObject({
      code: "MOUNT_STATE_LOCKED",
    });
    await mounted.unmount();
    await lab.mountRepository(origin, { stateFolder });
  });

  test("keeps the file .git as a file that is mounted there", async () => {
    const origin = lab.keep(makeRepository());
    const { directory, mounted } = await lab.mountRepository(origin);
    const refused = async (script: string, words: string): Promise<void> =>
      await expect(sh(directory, script)).rejects.toThrow(words);
    expect(await sh(directory, "cat .git; ls -A | head -1")).toBe(`gitdir: ${mounted.gitDirectory}\n.git\n`);
    await refused("rm -f .git", "Device or resource busy");
    await refused("mv .git other", "Device or resource busy");
    await refused("echo x > y; mv y .git", "Device or resource busy");
    await refused("echo x > .git", "Operation not permitted");
    await refused("truncate -s 0 .git", "Operation not permitted");
    await refused("chmod 600 .git", "Operation not permitted");
    await refused("ln .git other", "Operation not permitted");
    await refused("mkdir .git", "File exists");
    // Elsewhere the name is one like any other.
    expect(await sh(directory, "mkdir src/.git && echo x > src/.git/y && ls src/.git")).toBe("y\n");
    await refused("rm -rf ./* .git", "Device or resource busy");
    expect(await sh(directory, "ls -A; cat .git")).toBe(`.git\ngitdir: ${mounted.gitDirectory}\n`);
  });

  test("writes behind the end of a file whose size nobody has asked for, and fetches nothing to cut one", async () => {
    const origin = lab.keep(makeRepository());
    // A server that tells no sizes.
    const { directory, mounted } = await lab.mountRepository(origin, {
      through: (source) => ({ ...source, sizes: undefined }),
    });
    const before = mounted.counts.fetched;
    await sh(directory, "echo cut > src/part-0/file-0.c");
    expect(mounted.counts.fetched).toBe(before);
    await sh(directory, "echo last >> src/part-1/file-1.c");
    const original = git(origin, ["show", "HEAD:src/part-1/file-1.c"]);
    expect(await sh(directory, "cat src/part-1/file-1.c")).toBe(`${original}\nlast\n`);
    expect(await sh(directory, "cat src/part-0/file-0.c")).toBe("cut\n");
    // Appended in one process, with the size known to it.
    await sh(
      directory,
      "exec 3>> src/part-2/file-2.c; stat -L -c %s /dev/fd/3 > /dev/null; echo a >&3; echo b >&3",
    );
    const other = git(origin, ["show", "HEAD:src/part-2/file-2.c"]);
    expect(await sh(directory, "cat src/part-2/file-2.c")).toBe(`${other}\na\nb\n`);
  });

  test("shows what is written to whoever has it mapped, and the other way round", async () => {
    const origin = lab.keep(makeRepository());
    const { directory } = await lab.mountRepository(origin);
    const script = `
import mmap, os
fd = os.open("src/part-0/file-0.c", os.O_RDWR)
size = os.fstat(fd).st_size
view = mmap.mmap(fd, size)
view[0:3] = b"INT"
assert os.pread(fd, 3, 0) == b"INT"
os.pwrite(fd, b"xyz", 4)
assert view[4:7] == b"xyz"
appending = os.open("src/part-0/file-0.c", os.O_WRONLY | os.O_APPEND)
view[10:12] = b"##"
os.write(appending, b"tail")
view.flush()
os.unlink("src/part-0/file-0.c")
view[0:1] = b"j"
view.flush()
assert os.pread(fd, 3, 0) == b"jNT"
assert os.pread(fd, 10, size) == b"tail"
assert os.pread(fd, 2, 10) == b"##"
print(os.fstat(fd).st_size - size, os.fstat(fd).st_nlink)
`;
    expect(await run("python3", ["-c", script], { cwd: directory })).toBe("4 0\n");
  });

  test("refuses a rename that is to leave a whiteout behind, and changes nothing", async () => {
    const origin = lab.keep(makeRepository());
    const { directory } = await lab.mountRepository(origin);
    const script = `
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
assert libc.renameat2(-100, b"README.md", -100, b"other", 4) == -1
print(errno.errorcode[ctypes.get_errno()])
`;
    expect(await run("python3", ["-c", script], { cwd: directory })).toBe("EINVAL\n");
    expect(await run("git", STATUS, { cwd: directory })).toBe("");
  });

  test("keeps inode numbers when a file is written to, a directory moves, the base changes and after a restart", async () => {
    const origin = lab.keep(makeRepository());
    const kept = lab.folders();
    const { directory } = kept;
    const first = await lab.mountRepository(origin, kept);
    const numbers = async (): Promise<string> =>
      await sh(
        directory,
        "find . -name .git -prune -o -printf '%i %f\\n' | grep -v ' moved$' | grep -v ' part-1$' | sort",
      );
    const before = await numbers();
    const watched = sh(
      directory,
      "exec 3< src/part-0/file-0.c; stat -L -c %i /dev/fd/3; sleep 2; stat -L -c %i /dev/fd/3",
    );
    await sh(
      directory,
      "echo x >> README.md; : > src/part-0/file-0.c; chmod +x empty; mv src/part-1 src/moved",
    );
    expect(await numbers()).toBe(before);
    await sh(directory, "git commit -qam changed; git reset -q --soft HEAD~3");
    const tree = (await sh(directory, "git rev-parse 'HEAD^{tree}'")).trim();
    await expect.poll(async () => (await first.mounted.state())?.tree, { timeout: 20_000 }).toBe(tree);
    expect(await numbers()).toBe(before);
    const [opened, later] = (await watched).trim().split("\n");
    expect(later).toBe(opened);
    await first.mounted.unmount();
    await lab.mountRepository(origin, kept);
    expect(await numbers()).toBe(before);
  });

  test("tells the room that is on the disk with its changes", async () => {
    const origin = lab.keep(makeRepository());
    const stateFolder = lab.folder();
    const { directory } = await lab.mountRepository(origin, { stateFolder });
    const figures = async (place: string): Promise<string[]> =>
      (await run("stat", ["-f", "-c", "%S %b %c %l", place])).trim().split(" ");
    expect(await figures(directory)).toEqual(await figures(stateFolder));
  });
});
