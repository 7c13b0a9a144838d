"""Every kind of file operation in one directory. Prints one line of JSON for each: its name, and its outcome or errno.

What file systems may decide for themselves (inode numbers, sizes of directories, block counts, times to the nanosecond)
is not printed. Usage: matrix.py DIRECTORY [--no-directory-links]: with that, neither are link counts of directories.
"""
import ctypes, errno, fcntl, json, mmap, os, shutil, socket, stat, sys, time

libc = ctypes.CDLL(None, use_errno=True)
root = sys.argv[1]
has_directory_links = "--no-directory-links" not in sys.argv
os.umask(0o022)
NAME, PATH = "n" * 255, "n" * 256


def say(name, outcome):
    print(json.dumps([name, outcome]))


def do(name, work):
    try:
        outcome = work()
        if isinstance(outcome, bytes):
            outcome = outcome.hex() if len(outcome) < 64 else [len(outcome), hash_of(outcome)]
    except OSError as error:
        outcome = errno.errorcode.get(error.errno, error.errno)
    say(name, outcome)


def hash_of(data):
    import hashlib
    return hashlib.sha256(data).hexdigest()


def links_of(s):
    return s.st_nlink if has_directory_links or not stat.S_ISDIR(s.st_mode) else None


def st(path, follow=False):
    s = os.stat(path) if follow else os.lstat(path)
    size = None if stat.S_ISDIR(s.st_mode) else s.st_size
    return [oct(s.st_mode), links_of(s), s.st_uid, s.st_gid, size, s.st_rdev]


def put(path, data=b"", mode=0o644):
    fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_TRUNC, mode)
    os.write(fd, data)
    os.close(fd)


def get(path):
    with open(path, "rb") as file:
        return file.read()


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def rename2(a, b, flags):
    return checked(libc.renameat2(-100, a.encode(), -100, b.encode(), flags))


def fallocate(fd, mode, offset, length):
    libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
    return checked(libc.fallocate(fd, mode, offset, length))


def changed(path, work, fields=("mtime", "ctime")):
    """Which of a path's times are later after `work`."""
    before = os.lstat(path)
    time.sleep(0.012)
    work()
    after = os.lstat(path)
    return [f for f in fields if getattr(after, f"st_{f}_ns") > getattr(before, f"st_{f}_ns")]


def as_user(uid, gid, work, groups=()):
    """Runs `work` as another user in a process of its own; its outcome, or the errno."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups(list(groups))
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            outcome = work()
        except OSError as error:
            outcome = errno.errorcode.get(error.errno, error.errno)
        os.write(write, json.dumps(outcome).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        outcome = json.loads(file.read() or b'"died"')
    os.waitpid(pid, 0)
    return outcome


os.chdir(root)

# --- names and creation
makers = {
    "open": lambda p: put(p),
    "mkdir": lambda p: os.mkdir(p, 0o777),
    "mkfifo": lambda p: os.mkfifo(p, 0o666),
    "mknod_file": lambda p: os.mknod(p, stat.S_IFREG | 0o640),
    "mknod_block": lambda p: os.mknod(p, stat.S_IFBLK | 0o600, os.makedev(7, 250)),
    "mknod_char": lambda p: os.mknod(p, stat.S_IFCHR | 0o600, os.makedev(1, 3)),
    "bind": lambda p: socket.socket(socket.AF_UNIX).bind(p),
    "symlink": lambda p: os.symlink("a/target/that/is/not", p),
    "link": lambda p: os.link("plain", p),
}
put("plain", b"plain")
os.mkdir("dir")
put("dir/inside")
os.symlink("plain", "good")
os.symlink("nowhere", "dangling")
os.symlink("loop", "loop")
for kind, make in makers.items():
    do(f"{kind}: new", lambda: (make("new"), st("new"))[1])
    if kind == "open":
        do("open O_EXCL: exists", lambda: os.close(os.open("new", os.O_CREAT | os.O_EXCL | os.O_RDWR)))
        do("open O_EXCL: dangling", lambda: os.close(os.open("dangling", os.O_CREAT | os.O_EXCL | os.O_RDWR)))
        do("open O_DIRECTORY: file", lambda: os.close(os.open("new", os.O_DIRECTORY)))
        do("open O_NOFOLLOW: link", lambda: os.close(os.open("good", os.O_NOFOLLOW)))
        do("open for writing: directory", lambda: os.close(os.open("dir", os.O_RDWR)))
    else:
        do(f"{kind}: exists", lambda: make("new"))
    do(f"{kind}: remove", lambda: os.rmdir("new") if kind == "mkdir" else os.unlink("new"))
    do(f"{kind}: below a file", lambda: make("plain/new"))
    do(f"{kind}: below nothing", lambda: make("nothing/new"))
    do(f"{kind}: below a loop", lambda: make("loop/new"))
    if kind != "bind":
        do(f"{kind}: 255 bytes", lambda: (make(NAME), st(NAME))[1])
        do(f"{kind}: 255 bytes, remove", lambda: os.rmdir(NAME) if kind == "mkdir" else os.unlink(NAME))
        do(f"{kind}: 256 bytes", lambda: make(PATH))
    do(f"{kind}: times of the parent", lambda: changed("dir", lambda: make("dir/t")))
    do(f"{kind}: remove, times of the parent", lambda: changed("dir", lambda: os.rmdir("dir/t") if kind == "mkdir" else os.unlink("dir/t")))
    for bits in (0o2777, 0o777):
        os.mkdir("g")
        os.chown("g", 0, 4242)
        os.chmod("g", bits)
        do(f"{kind}: in a directory of {bits:o}", lambda: (make("g/x"), st("g/x") if kind != "link" else None)[1])
        (os.rmdir if kind == "mkdir" else os.unlink)("g/x")
        os.rmdir("g")
do("stat: 256 bytes", lambda: st(PATH))
do("stat: loop", lambda: st("loop", True))
do("stat: slash behind a file", lambda: st("plain/"))
do("open: nothing", lambda: os.close(os.open("nothing", os.O_RDONLY)))
for name in (b"\xff\xfe", "\u00e4\u4e2d".encode(), b" ", b"\n", b"..."):
    do(f"name {name.hex()}", lambda: (put(name, b"1"), sorted(os.listdir(b".")).count(name), os.unlink(name))[1])
do("symlink: 4095 bytes", lambda: (os.symlink("s" * 4094, "long"), len(os.readlink("long")), os.unlink("long"))[1])
do("symlink: empty", lambda: os.symlink("", "empty"))
do("readlink: file", lambda: os.readlink("plain"))
do("readlink: directory", lambda: os.readlink("dir"))
do("readlink", lambda: os.readlink("good"))

# --- removal
do("unlink: nothing", lambda: os.unlink("nothing"))
do("unlink: directory", lambda: os.unlink("dir"))
do("rmdir: nothing", lambda: os.rmdir("nothing"))
do("rmdir: file", lambda: os.rmdir("plain"))
do("rmdir: not empty", lambda: os.rmdir("dir"))
do("rmdir: dot", lambda: os.rmdir("dir/."))
do("rmdir: dot dot", lambda: os.rmdir("dir/.."))


def removed_directory():
    os.mkdir("gone")
    fd = os.open("gone", os.O_RDONLY)
    os.rmdir("gone")
    links = os.fstat(fd).st_nlink
    found = os.listdir(fd)
    try:
        os.close(os.open("x", os.O_CREAT | os.O_RDWR, dir_fd=fd))
        made = "made"
    except OSError as error:
        made = errno.errorcode[error.errno]
    os.close(fd)
    return [links, found, made]


do("removed directory", removed_directory)


def unlinked_open():
    put("u", b"before")
    fd = os.open("u", os.O_RDWR)
    os.unlink("u")
    os.write(fd, b"AFTER")
    os.ftruncate(fd, 8)
    os.fchmod(fd, 0o600)
    found = os.pread(fd, 100, 0)
    s = os.fstat(fd)
    put("u", b"another")
    other = get("u")
    os.close(fd)
    os.unlink("u")
    return [found.hex(), s.st_nlink, s.st_size, oct(s.st_mode), other.decode()]


do("open and unlinked", unlinked_open)


def revived():
    fd = os.open("r", os.O_CREAT | os.O_RDWR)
    os.unlink("r")
    try:
        os.link(f"/proc/self/fd/{fd}", "r2", follow_symlinks=True)
    finally:
        os.close(fd)


do("link: of an unlinked file", revived)

# --- hard links
put("h", b"1")
do("link: counts", lambda: (os.link("h", "h2"), st("h"), st("h2"), os.stat("h").st_ino == os.stat("h2").st_ino)[1:])
do("link: shared contents", lambda: (put("h2", b"two"), get("h"))[1])
do("link: unlink one", lambda: (os.unlink("h"), st("h2"))[1])
do("link: directory", lambda: os.link("dir", "dir2"))
do("link: of nothing", lambda: os.link("nothing", "x"))
do("link: ctime", lambda: changed("h2", lambda: os.link("h2", "h3")))
do("unlink: ctime of the other", lambda: changed("h2", lambda: os.unlink("h3")))
do("link: of a symbolic link", lambda: (os.link("good", "good2", follow_symlinks=False), st("good2"), os.unlink("good2"))[1])

# --- rename
things = ("nothing", "file", "file2", "empty", "empty2", "full", "link", "fifo")
for source in things:
    for target in things:
        for flags in (0, 1, 2):
            os.mkdir("r")
            os.mkdir("r2")
            for base, names in (("r", {source}), ("r2", {target})):
                for name in names:
                    path = f"{base}/{name}"
                    if name.startswith("file"):
                        put(path, name.encode())
                    elif name.startswith("empty"):
                        os.mkdir(path)
                    elif name == "full":
                        os.mkdir(path)
                        put(f"{path}/x")
                    elif name == "link":
                        os.symlink("x", path)
                    elif name == "fifo":
                        os.mkfifo(path)
            def move():
                rename2(f"r/{source}", f"r2/{target}", flags)
                return [links_of(os.stat("r")), links_of(os.stat("r2")), sorted(os.listdir("r")), sorted(os.listdir("r2")), st(f"r2/{target}")]
            do(f"rename {source} to {target}, flags {flags}", move)
            shutil.rmtree("r"); shutil.rmtree("r2")
do("rename: flags 3", lambda: rename2("plain", "dir", 3))
do("rename: to itself", lambda: os.rename("plain", "plain"))
os.mkdir("a"); os.mkdir("a/b"); put("a/b/c", b"c")
do("rename: below itself", lambda: os.rename("a", "a/b/d"))
do("rename: over its ancestor", lambda: os.rename("a/b", "a"))
do("rename: exchange with its child", lambda: rename2("a", "a/b", 2))
do("rename: dot", lambda: os.rename("a/.", "z"))
do("rename: 256 bytes", lambda: os.rename("a", PATH))
do("rename: tree", lambda: (os.rename("a", "z"), get("z/b/c"), os.rename("z", "a"))[1])
do("rename: hard links of one file", lambda: (os.link("h2", "h4"), os.rename("h2", "h4"), sorted(n for n in os.listdir(".") if n.startswith("h")), os.unlink("h4"))[2])
do("rename: dot dot follows", lambda: (os.mkdir("p"), os.rename("a/b", "p/b"), os.stat("p/b/..").st_ino == os.stat("p").st_ino)[2])
do("rename: ctime", lambda: changed("plain", lambda: (os.rename("plain", "plain2"), os.rename("plain2", "plain"))))
put("over", b"old")
held = os.open("over", os.O_RDONLY)
put("fresh", b"new")
do("rename: over an open file", lambda: (os.rename("fresh", "over"), os.read(held, 9).decode(), os.fstat(held).st_nlink, get("over").decode())[1:])
os.close(held)

# --- mode, owner, times
for mode in (0, 0o777, 0o1777, 0o2755, 0o4755, 0o6777, 0o7777):
    do(f"chmod {mode:o}: file", lambda: (os.chmod("plain", mode), st("plain"))[1])
    do(f"chmod {mode:o}: directory", lambda: (os.chmod("dir", mode), st("dir"))[1])
for mode in (0o4755, 0o2755, 0o2745, 0o6777):
    def kept(work):
        os.chmod("plain", mode)
        os.chown("plain", 0, 0)
        os.chmod("plain", mode)
        work()
        return st("plain")
    def append():
        with open("plain", "ab") as file:
            file.write(b"+")
    do(f"chown keeps of {mode:o}", lambda: kept(lambda: os.chown("plain", 7, 8)))
    do(f"chown of a directory keeps of {mode:o}", lambda: (os.chmod("dir", mode), os.chown("dir", 7, 8), st("dir"))[2])
    do(f"write by root keeps of {mode:o}", lambda: kept(append))
    os.chmod(root, 0o777)
    def by_user(work):
        os.chmod("plain", 0o666)
        os.chown("plain", 1000, 1000)
        os.chmod("plain", mode | 0o666)
        outcome = as_user(1001, 1001, work)
        return [outcome, st("plain")]
    do(f"write by another keeps of {mode:o}", lambda: by_user(append))
    do(f"truncate by another keeps of {mode:o}", lambda: by_user(lambda: os.truncate("plain", 3)))
    do(f"O_TRUNC by another keeps of {mode:o}", lambda: by_user(lambda: open("plain", "wb").close()))
    os.chown("plain", 0, 0)
os.chown("dir", 0, 0)
os.chmod("plain", 0o644)
os.chmod("dir", 0o755)
do("lchown", lambda: (os.lchown("good", 5, 6), st("good"), st("plain"))[1:])
do("chown: only group", lambda: (os.chown("plain", -1, 9), st("plain"), os.chown("plain", 0, 0))[1])
do("chmod: ctime", lambda: changed("plain", lambda: os.chmod("plain", 0o600)))
do("chown: ctime", lambda: changed("plain", lambda: os.chown("plain", 0, 0)))
for when in (0, 1, 1_000_000_000_123_456_789, 2_000_000_000_999_999_999, -1_000_000_001):
    do(f"utimens {when}", lambda: (os.utime("plain", ns=(when, when + 5)), os.stat("plain").st_atime_ns, os.stat("plain").st_mtime_ns)[1:])
do("utimens: now", lambda: (os.utime("plain"), abs(os.stat("plain").st_mtime - time.time()) < 5)[1])
do("utimens: ctime", lambda: changed("plain", lambda: os.utime("plain", ns=(5, 5)), ("ctime",)))
do("utimens: symbolic link", lambda: (os.utime("good", ns=(7, 9), follow_symlinks=False), os.lstat("good").st_mtime_ns)[1])
do("write: times", lambda: changed("plain", append))
do("truncate: times", lambda: changed("plain", lambda: os.truncate("plain", 2)))
do("truncate to the same size: times", lambda: changed("plain", lambda: os.truncate("plain", 2)))
do("read: mtime", lambda: changed("plain", lambda: get("plain")))
do("read: atime of a fresh file", lambda: (put("at", b"x"), time.sleep(0.012), changed("at", lambda: get("at"), ("atime",)))[2])

# --- permissions
os.chmod(root, 0o755)
put("secret", b"s", 0o600)
put("shared", b"s", 0o644)
put("group", b"s", 0o640)
os.chown("group", 0, 1000)
os.mkdir("closed", 0o700); put("closed/x")
os.mkdir("sticky"); os.chmod("sticky", 0o1777); put("sticky/roots")
os.mkdir("open"); os.chmod("open", 0o777); put("open/roots")
cases = {
    "read secret": lambda: get("secret").decode(),
    "read shared": lambda: get("shared").decode(),
    "write shared": lambda: put("shared"),
    "read group": lambda: get("group").decode(),
    "enter closed": lambda: st("closed/x"),
    "list closed": lambda: os.listdir("closed"),
    "make in root": lambda: put("mine"),
    "unlink in root": lambda: os.unlink("shared"),
    "rename in root": lambda: os.rename("shared", "shared2"),
    "sticky: make": lambda: put("sticky/mine"),
    "sticky: unlink another's": lambda: os.unlink("sticky/roots"),
    "sticky: rename another's": lambda: os.rename("sticky/roots", "sticky/z"),
    "sticky: rename over another's": lambda: os.rename("sticky/mine", "sticky/roots"),
    "sticky: unlink own": lambda: os.unlink("sticky/mine"),
    "open: own": lambda: (put("open/own"), st("open/own"))[1],
    "open: chmod own setgid": lambda: (os.chmod("open/own", 0o2755), st("open/own"))[1],
    "open: chown own away": lambda: os.chown("open/own", 0, -1),
    "open: chgrp own elsewhere": lambda: os.chown("open/own", -1, 0),
    "open: unlink another's": lambda: os.unlink("open/roots"),
    "chmod another's": lambda: os.chmod("shared", 0o777),
    "utimens another's": lambda: os.utime("shared", ns=(1, 1)),
    "utimens now another's": lambda: os.utime("shared"),
    "truncate another's": lambda: os.truncate("shared", 0),
    "access": lambda: [os.access("shared", mode) for mode in (0, 1, 2, 4)] + [os.access("secret", 4), os.access("closed", 5)],
    "mknod": lambda: os.mknod("open/dev", stat.S_IFCHR | 0o600, os.makedev(1, 3)),
    "setxattr another's": lambda: os.setxattr("shared", "user.x", b"1"),
    "trusted xattr": lambda: os.setxattr("open/own", "trusted.x", b"1"),
    "link another's": lambda: os.link("secret", "open/link"),
}
for name, work in cases.items():
    say(f"as 1000: {name}", as_user(1000, 1000, work))

# --- contents
do("read: directory", lambda: os.read(os.open("dir", os.O_RDONLY), 1))
do("write: read-only handle", lambda: os.write(os.open("shared", os.O_RDONLY), b"x"))
do("read: write-only handle", lambda: os.read(os.open("shared", os.O_WRONLY), 1))
big = bytes((i * 7 + (i >> 8)) & 255 for i in range(300_000))
do("write and read", lambda: (put("big", big), get("big"))[1])
fd = os.open("big", os.O_RDWR)
do("pread: at the end", lambda: os.pread(fd, 100, 300_000))
do("pread: across the end", lambda: os.pread(fd, 100, 299_990))
do("pread: far behind", lambda: os.pread(fd, 100, 1 << 40))
do("pwrite: inside", lambda: (os.pwrite(fd, b"INSIDE", 65_533), get("big"))[1])
do("pwrite: leaves a hole", lambda: (os.pwrite(fd, b"END", 1_200_001), get("big"))[1])
do("ftruncate: shorter, longer", lambda: (os.ftruncate(fd, 70_000), os.ftruncate(fd, 140_000), get("big"))[2])
do("truncate: negative", lambda: os.ftruncate(fd, -1))
do("truncate: directory", lambda: os.truncate("dir", 0))
do("truncate: too large", lambda: os.ftruncate(fd, (1 << 63) - 1))
do("pwrite: too far", lambda: os.pwrite(fd, b"x", (1 << 63) - 2))
do("lseek: negative", lambda: os.lseek(fd, -1, 0))
do("lseek: end", lambda: os.lseek(fd, 5, 2))
do("fsync", lambda: os.fsync(fd))
do("fdatasync", lambda: os.fdatasync(fd))
os.close(fd)


def appended():
    a, b = (os.open("log", os.O_CREAT | os.O_APPEND | os.O_WRONLY) for _ in range(2))
    for i in range(20):
        os.write(a if i % 2 else b, b"%d;" % i)
    os.close(a); os.close(b)
    return get("log").decode()


do("O_APPEND: two handles", appended)
do("O_TRUNC", lambda: (os.close(os.open("log", os.O_TRUNC | os.O_WRONLY)), st("log"))[1])
do("fsync: directory", lambda: os.fsync(os.open("dir", os.O_RDONLY)))


def holes():
    M = 1 << 20
    fd = os.open("sparse", os.O_CREAT | os.O_RDWR)
    os.pwrite(fd, b"d" * M, M)
    os.pwrite(fd, b"d" * M, 4 * M)
    os.ftruncate(fd, 8 * M)
    found = []
    for whence in (3, 4):
        for at in (0, M, M + 5, 2 * M, 3 * M + 1, 5 * M, 8 * M - 1, 8 * M, 9 * M):
            try:
                found.append(os.lseek(fd, at, whence))
            except OSError as error:
                found.append(errno.errorcode[error.errno])
    os.close(fd)
    return found


do("SEEK_DATA, SEEK_HOLE", holes)
fd = os.open("falloc", os.O_CREAT | os.O_RDWR)
os.write(fd, b"f" * 200_000)
for mode, offset, length in ((0, 100_000, 200_000), (1, 300_000, 50_000), (3, 10_000, 100_000), (3, 290_000, 99_999), (16, 5, 70_000), (17, 250_000, 100_000), (2, 0, 4096), (0, 0, 0), (0, -1, 5), (3, 0, 1 << 40)):
    do(f"fallocate {mode} {offset} {length}", lambda: (fallocate(fd, mode, offset, length), get("falloc"))[1])
os.close(fd)
do("fallocate: read-only handle", lambda: fallocate(os.open("falloc", os.O_RDONLY), 0, 0, 10))


def copied():
    put("from", big)
    a, b = os.open("from", os.O_RDONLY), os.open("to", os.O_CREAT | os.O_RDWR)
    n = os.copy_file_range(a, b, 200_000, 1000, 500)
    m = os.copy_file_range(a, b, 100, 400_000, 0)
    outcome = [n, m, hash_of(get("to"))]
    os.close(a); os.close(b)
    return outcome


do("copy_file_range", copied)
do("copy_file_range: overlap", lambda: os.copy_file_range(os.open("to", os.O_RDONLY), os.open("to", os.O_RDWR), 100, 0, 50))

# --- mmap
def mapped(flags):
    put("map", b"m" * 10_000)
    fd = os.open("map", os.O_RDWR)
    view = mmap.mmap(fd, 10_000, flags=flags)
    view[4090:4100] = b"0123456789"
    seen = os.pread(fd, 10, 4090)
    view.flush()
    os.pwrite(fd, b"WRITTEN", 8000)
    through = view[8000:8007]
    view.close()
    os.close(fd)
    return [seen.decode(), through.decode() if flags == mmap.MAP_SHARED else None, hash_of(get("map"))]


do("mmap: shared", lambda: mapped(mmap.MAP_SHARED))
do("mmap: private", lambda: mapped(mmap.MAP_PRIVATE))


def mapped_after_unlink():
    put("map2", b"k" * 5000)
    fd = os.open("map2", os.O_RDWR)
    view = mmap.mmap(fd, 5000)
    os.close(fd)
    os.unlink("map2")
    view[0:4] = b"kept"
    return view[0:6].decode()


do("mmap: closed and unlinked", mapped_after_unlink)


def executed():
    put("script", b"#!/bin/sh\nexit 7\n", 0o755)
    return os.waitstatus_to_exitcode(os.spawnv(os.P_WAIT, "script", ["script"]) << 8)


do("exec", executed)

# --- extended attributes
put("x")
do("xattr: none", lambda: os.getxattr("x", "user.a"))
do("xattr: set, get", lambda: (os.setxattr("x", "user.a", b"value"), os.getxattr("x", "user.a"))[1])
do("xattr: create existing", lambda: os.setxattr("x", "user.a", b"", os.XATTR_CREATE))
do("xattr: replace missing", lambda: os.setxattr("x", "user.b", b"", os.XATTR_REPLACE))
do("xattr: empty value", lambda: (os.setxattr("x", "user.e", b""), os.getxattr("x", "user.e"))[1])
do("xattr: list", lambda: sorted(os.listxattr("x")))
do("xattr: remove", lambda: (os.removexattr("x", "user.a"), sorted(os.listxattr("x")))[1])
do("xattr: remove missing", lambda: os.removexattr("x", "user.a"))
do("xattr: on a directory", lambda: (os.setxattr("dir", "user.d", b"1"), os.listxattr("dir"))[1])
do("xattr: on a symbolic link", lambda: os.setxattr("good", "user.d", b"1", follow_symlinks=False))
do("xattr: no such space", lambda: os.setxattr("x", "nospace.x", b"1"))
do("xattr: long name", lambda: os.setxattr("x", "user." + "n" * 251, b"1"))
do("xattr: trusted", lambda: (os.setxattr("x", "trusted.t", b"1"), os.getxattr("x", "trusted.t"))[1])
do("xattr: larger than may be", lambda: os.setxattr("x", "user.large", b"1" * 65_537))


def too_small():
    os.setxattr("x", "user.r", b"12345")
    return checked(libc.getxattr(b"x", b"user.r", ctypes.create_string_buffer(8), 2))


do("xattr: buffer too small", too_small)
do("xattr: ctime", lambda: changed("x", lambda: os.setxattr("x", "user.c", b"1")))

# --- directories
os.mkdir("many")
for i in range(3000):
    put(f"many/file-{i:04}")
do("readdir: 3000", lambda: [len(os.listdir("many")), hash_of("".join(sorted(os.listdir("many"))).encode())])
do("scandir: types", lambda: sorted([e.name, e.is_dir(follow_symlinks=False), e.is_symlink()] for e in os.scandir(".") if e.name in ("dir", "good", "plain")))


def remove_while_reading():
    for entry in os.scandir("many"):
        os.unlink(entry.path)
    return os.listdir("many")


do("readdir: unlink while reading", remove_while_reading)
do("readdir: dots", lambda: [os.stat("dir/.").st_ino == os.stat("dir").st_ino, os.stat("dir/..").st_ino == os.stat(".").st_ino])
do("mkdir: nlink of the parent", lambda: (os.mkdir("many/a"), os.mkdir("many/b"), links_of(os.stat("many")), os.rmdir("many/a"), links_of(os.stat("many")))[2::2])
do("statvfs", lambda: [os.statvfs(".").f_namemax, os.statvfs(".").f_bavail > 0])

# --- locks, pipes
def locked():
    a, b = os.open("lock", os.O_CREAT | os.O_RDWR), os.open("lock", os.O_RDWR)
    fcntl.flock(a, fcntl.LOCK_EX)
    try:
        fcntl.flock(b, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(a); os.close(b)


do("flock", locked)
do("fcntl lock", lambda: (fcntl.lockf(os.open("lock", os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB), as_user(0, 0, lambda: fcntl.lockf(os.open("lock", os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)))[1])
do("fifo", lambda: (os.mkfifo("ff"), os.open("ff", os.O_RDONLY | os.O_NONBLOCK), os.write(os.open("ff", os.O_WRONLY), b"through"))[2])
do("ioctl", lambda: fcntl.ioctl(os.open("plain", os.O_RDONLY), 0x7777, 0))
do("O_TMPFILE", lambda: "either")
