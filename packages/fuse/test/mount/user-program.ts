/** What tests run as another user: does what its arguments say, and prints one line of JSON. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { MEMORY_FILE_SYSTEM, mount, type MountOptions, removeStaleMount } from "../../src/index.ts";

const run = promisify(execFile);
const [what = "", directory = "", given = "{}"] = process.argv.slice(2);
const options = JSON.parse(given) as Partial<MountOptions>;
const slow = new URL("slow-file-system.ts", import.meta.url);
const owner = { uid: process.getuid?.(), gid: process.getgid?.() };
const open = async (more: Partial<MountOptions> = {}) =>
  await mount({ directory, module: MEMORY_FILE_SYSTEM, data: owner, ...options, ...more });
const line = (): string | undefined =>
  readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .find((text) => text.includes(` ${directory} `));

async function main(): Promise<unknown> {
  switch (what) {
    case "use": {
      const mounted = await open();
      const { stdout } = await run("sh", [
        "-c",
        `cd ${directory} && echo text > file && cat file && stat -c %u file`,
      ]);
      const seen = line();
      await mounted.unmount();
      return { stdout, line: seen, after: line() ?? null };
    }
    case "busy": {
      const mounted = await open();
      await run("touch", [join(directory, "file")]);
      const user = run("sh", ["-c", `exec 3<${directory}/file; echo in; sleep 2`]);
      await new Promise((resolve) => user.child.stdout?.once("data", resolve));
      const code = await mounted.unmount().catch((error: { code: string }) => error.code);
      const gone = mounted.unmount({ lazy: true });
      await user;
      await gone;
      return { code, after: line() ?? null };
    }
    case "abort": {
      const mounted = await open({ module: slow });
      const reading = run("cat", [join(directory, "deaf")]).catch((error: Error) => error.message);
      await run("cat", [join(directory, "plain")]);
      await mounted.abort();
      return { said: await reading, after: line() ?? null };
    }
    case "through": {
      const mounted = await open({
        module: new URL("native-file-system.ts", import.meta.url),
        data: { folder: join(directory, "..", "native"), passthrough: true },
      });
      const { stdout } = await run("cat", [join(directory, "file")]);
      await mounted.unmount();
      return { stdout, passthrough: mounted.passthrough };
    }
    case "die": {
      await open();
      process.kill(process.pid, "SIGKILL");
      return await new Promise(() => undefined);
    }
    case "tidy":
      return {
        removed: await removeStaleMount(directory),
        again: await removeStaleMount(directory),
        after: line() ?? null,
      };
    default:
      throw new Error(`What is ${what}?`);
  }
}

try {
  console.log(JSON.stringify(await main()));
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  console.log(JSON.stringify({ code, message }));
}
