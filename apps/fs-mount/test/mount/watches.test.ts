import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { run, useLab } from "../support/lab.ts";
import { Mirror } from "../support/mirror.ts";
import { GIT_ENVIRONMENT } from "../support/repository.ts";

const lab = useLab();

/** Tells what inotify says of each path, in order: all are watched by one descriptor. */
const WATCHER = `
const { watch } = require("node:fs");
for (const path of process.argv.slice(1))
  watch(path, (event, name) => process.stdout.write(path + " " + event + " " + name + "\\n"));
process.stdout.write("watching\\n");
`;

/** What is heard of paths in a folder, by a process of its own. */
class Watcher {
  #said = "";

  constructor(directory: string, ...paths: readonly string[]) {
    const args = ["-C", directory, process.execPath, "-e", WATCHER, ...paths];
    const child = spawn("env", args, { env: GIT_ENVIRONMENT, stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#said += text));
  }

  /** Waits for a line. @returns those that came since the one before, without it */
  async until(line: string): Promise<readonly string[]> {
    while (!`\n${this.#said}`.includes(`\n${line}\n`)) await sleep(10);
    const [before = "", ...behind] = `\n${this.#said}`.split(`\n${line}\n`);
    this.#said = behind.join(`\n${line}\n`);
    return before.split("\n");
  }
}

/** Has the kernel forget all names and files that nobody holds. */
function dropCaches(): string | undefined {
  try {
    writeFileSync("/proc/sys/vm/drop_caches", "2");
    return undefined;
  } catch (error) {
    return `the kernel's caches cannot be dropped here: ${(error as Error).message}`;
  }
}

test("who watches a file and a directory hears of changes after the base has moved and the kernel has forgotten names", async (context) => {
  const why = dropCaches();
  if (why !== undefined) context.skip(why);
  const mirror = await Mirror.ofNew(lab);
  const { directory } = mirror.mounted;
  const numbers = async (): Promise<string> =>
    await run(
      "stat",
      ["-c", "%n %i", ".", "README.md", "src", "src/part-0", "src/part-0/file-0.c", "run.sh"],
      {
        cwd: directory,
      },
    );
  const before = await numbers();
  const watcher = new Watcher(directory, "README.md", "src/part-0");
  await watcher.until("watching");
  const heard = async (step: string): Promise<void> => {
    await mirror.sh(
      `echo '${step}' >> README.md; echo '${step}' >> src/part-0/file-0.c; : > src/part-0/${step}`,
    );
    const lines = await watcher.until(`src/part-0 rename ${step}`);
    expect(lines, step).toContain("README.md change README.md");
    expect(lines, step).toContain("src/part-0 change file-0.c");
    expect(await numbers(), step).toBe(before);
  };
  const moved = async (script: string): Promise<void> => {
    await mirror.git(...script.split(" "));
    await mirror.settled();
    dropCaches();
  };
  await heard("at-first");
  dropCaches();
  await heard("forgotten");
  await mirror.git("add", "-A");
  await moved("commit -q -m one");
  await heard("committed");
  await moved("commit -q -a -m two");
  await heard("committed-again");
  await moved("reset -q --soft HEAD~2");
  await heard("moved-back");
  await moved("update-ref refs/heads/main HEAD~2");
  await heard("moved-further");
  await mirror.same("all was heard");
  expect(mirror.mounted.faults).toEqual([]);
});
