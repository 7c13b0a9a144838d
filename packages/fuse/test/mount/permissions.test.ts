import { afterAll, expect, it } from "vitest";
import { isInstalled, Lab, run, whyNot } from "./lab.ts";

const lab = new Lab();
const reason = whyNot();
const module = new URL("guarding-file-system.ts", import.meta.url);
const ASK = 'import os; print(os.access("file", os.R_OK), os.access("file", os.W_OK))';

afterAll(async () => await lab.end());

it.for([
  [true, "the kernel checks them, and asks nobody", /Permission denied/, "True True\n"],
  [false, "the file system does, which is asked by access(2)", /^text\n$/, "True False\n"],
] as const)(
  "permissions with defaultPermissions %s: %s",
  async ([defaultPermissions, , shown, told], ctx) => {
    if (reason !== undefined) ctx.skip(reason);
    if (!isInstalled("setpriv")) ctx.skip("setpriv is not installed");
    const { directory: cwd } = await lab.mount({ module, defaultPermissions });
    await run("sh", ["-c", "echo text > file; chmod 600 file"], { cwd });
    const stranger = ["--reuid=54321", "--regid=54321", "--clear-groups", "cat", "file"];
    expect(await run("setpriv", stranger, { cwd }).catch(String)).toMatch(shown);
    expect(await run("python3", ["-c", ASK], { cwd })).toBe(told);
  },
);

it("a rename that is to leave a whiteout behind is refused in memory, and changes nothing", async (ctx) => {
  if (reason !== undefined) ctx.skip(reason);
  const { directory: cwd } = await lab.mount();
  await run("sh", ["-c", "echo text > from"], { cwd });
  const script = `
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
for flags in (4, 5, 6):
    assert libc.renameat2(-100, b"from", -100, b"to", flags) == -1
    print(errno.errorcode[ctypes.get_errno()])
`;
  expect(await run("python3", ["-c", script], { cwd })).toBe("EINVAL\n".repeat(3));
  expect(await run("sh", ["-c", "ls -A; cat from"], { cwd })).toBe("from\ntext\n");
});
