import { expect, test } from "vitest";
import { run, useLab } from "../support/lab.ts";
import { makeRepository } from "../support/repository.ts";

const lab = useLab();

/** Locks of both kinds, between two processes; what a directory's handle leads to once another directory has its name. */
const SCRIPT = `
import errno, fcntl, os, subprocess, sys
def told(what, act):
    try: print(what, act())
    except OSError as error: print(what, errno.errorcode[error.errno])
TRY = """
import errno, fcntl, sys
file = open(sys.argv[2], "r+")
try:
    getattr(fcntl, sys.argv[1])(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print("has it")
except OSError as error: print("EAGAIN" if error.errno in (errno.EAGAIN, errno.EACCES) else error)
"""
def other(kind): return subprocess.run([sys.executable, "-c", TRY, kind, "README.md"], capture_output=True, text=True).stdout.strip()
for kind in "flock", "lockf":
    file = open("README.md", "r+")
    getattr(fcntl, kind)(file, fcntl.LOCK_EX)
    told(kind + " while it is held:", lambda: other(kind))
    file.close()
    told(kind + " afterwards:", lambda: other(kind))
shared = [open("README.md") for _ in range(2)]
for file in shared: fcntl.flock(file, fcntl.LOCK_SH)
told("flock while it is shared:", lambda: other("flock"))
for file in shared: file.close()

os.makedirs("empty-one"); os.makedirs("other/inside"); open("other/file", "w").write("file")
old = os.open("empty-one", os.O_RDONLY)
kept = os.open("other", os.O_RDONLY)
os.rename("other", "empty-one")
told("the replaced one lists", lambda: os.listdir(old))
told("the replaced one has", lambda: os.open("file", os.O_RDONLY, dir_fd=old))
told("the replaced one takes", lambda: os.mkdir("new", dir_fd=old))
told("the replaced one is", lambda: os.fstat(old).st_nlink == 0 or "there")
told("the moved one lists", lambda: sorted(os.listdir(kept)))
told("the moved one has", lambda: os.read(os.open("file", os.O_RDONLY, dir_fd=kept), 9))
told("it is the one of that name:", lambda: os.path.samestat(os.fstat(kept), os.stat("empty-one")))
file = os.open("empty-one/file", os.O_RDWR)
os.unlink("empty-one/file")
told("an unlinked file takes", lambda: os.write(file, b"more of it"))
told("and has", lambda: (os.pread(file, 99, 0), os.fstat(file).st_nlink, os.fstat(file).st_size))
told("and is cut", lambda: (os.ftruncate(file, 4), os.pread(file, 99, 0)))
os.mkdir("gone"); gone = os.open("gone", os.O_RDONLY); os.rmdir("gone")
told("a removed directory lists", lambda: os.listdir(gone))
told("a removed directory takes", lambda: os.open("x", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=gone))
`;

test("locks, and handles of what was replaced, renamed or removed, are what they are in a folder", async () => {
  const origin = lab.keep(makeRepository());
  const clone = `${lab.folder()}/clone`;
  await run("git", ["clone", "-q", origin, clone]);
  const { directory } = await lab.mountRepository(origin);
  const inside = await run("python3", ["-c", SCRIPT], { cwd: directory });
  expect(inside.split("\n")).toEqual((await run("python3", ["-c", SCRIPT], { cwd: clone })).split("\n"));
  expect(inside).toContain("flock while it is held: EAGAIN");
});

test("labels of SELinux are told not to be kept at all, and other attributes to be absent", async () => {
  const { directory } = await lab.mountRepository(lab.keep(makeRepository()));
  const script = `
import errno, os
def told(act, *args):
    try: print(act(*args))
    except OSError as error: print("EOPNOTSUPP" if error.errno == errno.EOPNOTSUPP else errno.errorcode[error.errno])
for name in "security.selinux", "security.selinuxes", "user.x":
    told(os.getxattr, "README.md", name)
    told(os.setxattr, "README.md", name, b"value")
    told(os.getxattr, "README.md", name)
told(os.listxattr, "README.md")
`;
  const said = await run("python3", ["-c", script], { cwd: directory });
  const kept = "ENODATA\nNone\nb'value'\n";
  expect(said).toBe(`EOPNOTSUPP\nEOPNOTSUPP\nEOPNOTSUPP\n${kept}${kept}['security.selinuxes', 'user.x']\n`);
});
