import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { useForeground } from "../support/foreground.ts";
import { run, useLab } from "../support/lab.ts";
import { git, GIT_ENVIRONMENT, makeRepository } from "../support/repository.ts";

const lab = useLab();
const foreground = useForeground();

/** Writes in a mount until it is gone, and tells of each round that has come to its end. */
const WRITER = `
import os
os.mkdir("made")
n = 0
while True:
    n += 1
    with open(f"made/{n}.new", "w") as file:
        file.write(f"{n}\\n" * n)
    os.rename(f"made/{n}.new", f"made/{n}")
    with open("README.md", "a") as file:
        file.write(f"{n}\\n")
    if n % 3 == 0:
        os.unlink(f"made/{n - 1}")
    if n % 7 == 0:
        os.rename("src/part-0" if n % 2 else "moved", "moved" if n % 2 else "src/part-0")
    os.write(1, f"{n}\\n".encode())
`;

/** Looks whether a mount has what so many rounds have made, and at most a part of the next one. */
const CHECK = `
import os, sys
done = int(sys.argv[1])
lines = open("README.md").read().split("\\n")
assert lines[0] == "version 3" and lines[-1] == ""
appended = [int(line) for line in lines[1:-1]]
assert appended == list(range(1, len(appended) + 1)), appended
assert done <= len(appended) <= done + 1, (done, len(appended))
for n in range(1, done + 1):
    path = f"made/{n}"
    if os.path.exists(path):
        assert open(path).read() == f"{n}\\n" * n, path
        # The round after this one may have got as far as that.
        assert (n + 1) % 3 != 0 or n + 1 > done, path
    else:
        assert (n + 1) % 3 == 0, path
last = done - done % 7
moved = last % 2 == 1
names = os.listdir("moved" if moved else "src/part-0") if (done + 1) % 7 else ["either"]
assert names, "it has moved"
print("whole")
`;

test.each([1, 40, 400])("a mount that is killed after %i rounds of writes has lost none", async (rounds) => {
  const origin = lab.keep(makeRepository());
  const directory = lab.folder();
  const folders = ["--state", lab.folder(), "--cache-dir", lab.folder()];
  const { child: serving } = await foreground.start(origin, directory, folders);
  const writer = spawn("env", ["-C", directory, "python3", "-c", WRITER], {
    env: GIT_ENVIRONMENT,
    stdio: ["ignore", "pipe", "ignore"],
  });
  foreground.keep(writer);
  let told = "";
  for await (const text of writer.stdout.setEncoding("utf8")) {
    told += String(text);
    if (told.split("\n").length > rounds) serving.kill("SIGKILL");
  }
  await run("umount", ["-l", directory]);
  const done = Number(told.slice(0, told.lastIndexOf("\n")).split("\n").at(-1));
  expect(done).toBeGreaterThanOrEqual(rounds);
  await foreground.start(origin, directory, folders);
  expect(await run("python3", ["-c", CHECK, String(done)], { cwd: directory })).toBe("whole\n");
  const status = await run("git", ["-c", "core.fsmonitor=false", "status", "--porcelain"], {
    cwd: directory,
  });
  const gone = git(origin, ["ls-files", "src/part-0"]).split("\n");
  const changed = status.split("\n").filter((line) => !gone.some((path) => line === ` D ${path}`));
  expect(changed.filter((line) => !["?? made/", "?? moved/", " M README.md", ""].includes(line))).toEqual([]);
});
