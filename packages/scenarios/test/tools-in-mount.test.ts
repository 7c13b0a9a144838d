import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { git, gitEnvironment } from "../src/git.ts";
import { mountAddress, whyNoMount } from "../src/mount-process.ts";
import { createScratch, type Scratch } from "../src/scratch.ts";
import { openWorkTree } from "../src/work-tree.ts";

/** A program that runs in a folder and is listened to. */
interface Running {
  /** The next line that it prints, from those that match. */
  line(pattern: RegExp): Promise<string>;
  /** All that it has printed. */
  readonly lines: readonly string[];
  /** Closes its input, which ends it. */
  end(): Promise<void>;
}

const FILES = {
  "tsconfig.json":
    '{ "compilerOptions": { "strict": true, "rootDir": "src", "outDir": "out", "types": [] }, "include": ["src"] }\n',
  "src/sum.ts": "export const sum = (a: number, b: number): number => a + b;\n",
  "src/main.ts": 'import { sum } from "./sum.js";\nexport const three: number = sum(1, 2);\n',
  "index.html": '<!doctype html><script type="module" src="/src/main.ts"></script>\n',
  ".gitignore": "out/\n",
  notes: "one\n",
};

const require = createRequire(import.meta.url);
const tool = (name: string): string => fileURLToPath(new URL(`../src/tools/${name}.ts`, import.meta.url));
const threads = fileURLToPath(new URL("../../../scripts/typescript-threads.js", import.meta.url));
// The compiler in Go watches with fanotify, which the kernel refuses for FUSE beside any other file system.
const tsc = join(dirname(require.resolve("typescript-in-javascript/package.json")), "bin/tsc");
const children: ChildProcess[] = [];

/** Starts a program in a folder that may be a mount, which this process must not touch. */
function start(folder: string, command: string, ...args: readonly string[]): Running {
  const child = spawn("env", ["-C", folder, command, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
    env: gitEnvironment,
    // A group of its own, to be ended with all that it has started.
    detached: true,
  });
  children.push(child);
  const lines: string[] = [];
  let read = 0;
  let wake = (): void => undefined;
  createInterface({ input: child.stdout }).on("line", (text) => {
    lines.push(text);
    wake();
  });
  const ended = new Promise<void>((resolve) =>
    child.once("close", () => {
      resolve();
      wake();
    }),
  );
  const deadline = AbortSignal.timeout(60_000);
  deadline.addEventListener("abort", () => wake());
  return {
    lines,
    async line(pattern) {
      for (;;) {
        while (read < lines.length) {
          const text = lines[read++]!;
          if (pattern.test(text)) return text;
        }
        if (child.exitCode !== null || deadline.aborted) {
          throw new Error(`no line goes by ${pattern}: ${lines.join("\n")}`);
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}

/** Runs a script of the shell in a folder; answers what it prints. */
async function sh(folder: string, script: string): Promise<string> {
  const running = start(folder, "sh", "-ec", script);
  await running.end();
  return running.lines.join("\n");
}

let scratch: Scratch;
beforeEach(async () => {
  scratch = await createScratch();
});
afterEach(async () => {
  for (const { pid } of children.splice(0)) {
    try {
      process.kill(-pid!, "SIGKILL");
    } catch {
      // It has ended, and all of its group.
    }
  }
  await scratch[Symbol.asyncDispose]();
});

/** A folder with the files, as a clone or as a mount. */
async function open(how: "a clone" | "a mount"): Promise<{ folder: string } & AsyncDisposable> {
  const origin = join(scratch.path, "origin");
  const tree = await openWorkTree(origin, {}, "sha1");
  await sh(origin, "mkdir src");
  await tree.commit("files", FILES);
  if (how === "a mount") {
    const mount = await mountAddress(origin, scratch);
    return { folder: mount.directory, [Symbol.asyncDispose]: () => mount[Symbol.asyncDispose]() };
  }
  const folder = join(scratch.path, "clone");
  await git(["clone", "--quiet", origin, folder]);
  return { folder, async [Symbol.asyncDispose]() {} };
}

describe.each(["a clone", "a mount"] as const)("in %s", (how) => {
  beforeEach((context) => {
    const missing = how === "a mount" ? whyNoMount() : undefined;
    if (missing !== undefined) context.skip(missing);
  });

  it("tsc compiles what is saved while it watches", async () => {
    await using place = await open(how);
    const { folder } = place;
    const watching = start(
      folder,
      process.execPath,
      tsc,
      "--watch",
      "--preserveWatchOutput",
      "--pretty",
      "false",
    );
    await watching.line(/Found 0 errors/);
    expect(await sh(folder, "ls out")).toBe("main.js\nsum.js");
    // It says that it watches a moment before it does: a file that is there too soon is saved again.
    const saved = async (text: string, said: RegExp): Promise<void> => {
      const heard = watching.line(said).then(() => true);
      do {
        await sh(folder, `echo '${text}' > src/.four.new && mv src/.four.new src/four.ts`);
      } while (!(await Promise.race([heard, setTimeout(5_000, false)])));
    };
    await saved('export const four: number = "4";', /src\/four\.ts.*TS2322/);
    await saved("export const four = 4;", /Found 0 errors/);
    expect(await sh(folder, "cat out/four.js && git status --porcelain")).toBe(
      "export const four = 4;\n?? src/four.ts",
    );
  });

  it("chokidar tells what happens to files", async () => {
    await using place = await open(how);
    const { folder } = place;
    const watching = start(folder, process.execPath, "--import", threads, tool("chokidar-events"));
    await watching.line(/^ready$/);
    const steps: readonly (readonly [string, readonly string[]])[] = [
      ["echo two >> notes", ["change notes"]],
      ["echo new > src/new.ts", ["add src/new.ts"]],
      ["mv notes src/notes", ["unlink notes", "add src/notes"]],
      ["mkdir deep", ["addDir deep"]],
      ["mkdir deep/er", ["addDir deep/er"]],
      ["echo x > deep/er/x", ["add deep/er/x"]],
      ["mv deep deeper", ["unlinkDir deep", "addDir deeper", "add deeper/er/x"]],
      ["mkdir gone", ["addDir gone"]],
      ["echo x > gone/x", ["add gone/x"]],
      ["rm gone/x", ["unlink gone/x"]],
      ["rmdir gone", ["unlinkDir gone"]],
      ["git checkout -q -- notes", ["add notes"]],
    ];
    for (const [script, events] of steps) {
      const told = Promise.all(events.map((event) => heard(watching, event)));
      await sh(folder, script);
      await told;
      // It tells of a folder before it watches it.
      await setTimeout(300);
    }
    await watching.end();
  });

  it("vite serves what is saved", async () => {
    await using place = await open(how);
    const { folder } = place;
    const serving = start(folder, process.execPath, "--import", threads, tool("vite-server"));
    const url = await serving.line(/^http:/);
    const module = async (): Promise<string> => (await fetch(`${url}src/sum.ts`)).text();
    expect(await module()).toContain("a + b");
    await sh(folder, `sed -i 's/a + b/b + a/' src/sum.ts`);
    // It looks at the file again when it has heard of the change.
    await expect.poll(module, { timeout: 30_000 }).toContain("b + a");
    expect(await sh(folder, "git diff --stat | tail -1")).toBe(
      " 1 file changed, 1 insertion(+), 1 deletion(-)",
    );
    await serving.end();
  });

  it("an editor saves at once and keeps the mode", async () => {
    await using place = await open(how);
    const { folder } = place;
    const said = await sh(
      folder,
      // As vim does it with a backup, then as most others do: a new file over the old one.
      `chmod +x notes
       echo swap > .notes.swp
       ln notes notes~ 2>/dev/null || cp -p notes notes~
       mv notes notes.old
       cp -p notes.old notes && echo two >> notes && sync notes
       rm notes.old notes~ .notes.swp
       cat notes; stat -c %a notes; git status --porcelain
       cp -p notes notes.tmp && echo three >> notes.tmp && mv notes.tmp notes
       cat notes; stat -c %a notes; git diff --summary; git stash -q; cat notes; stat -c %a notes`,
    );
    expect(said.split("\n")).toEqual([
      ..."one,two,755, M notes".split(","),
      ..."one,two,three,755, mode change 100644 => 100755 notes".split(","),
      ..."one,644".split(","),
    ]);
  });
});

/** Waits until a program has printed a line, whatever else it prints. */
async function heard({ lines }: Running, wanted: string): Promise<void> {
  const told = (): string => (lines.includes(wanted) ? wanted : lines.join("\n"));
  await expect.poll(told, { timeout: 30_000 }).toBe(wanted);
}
