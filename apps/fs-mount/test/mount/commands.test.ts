import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { runCommandLine } from "../../src/command-line.ts";
import type { Status } from "../../src/daemon/status.ts";
import { DaemonLab } from "../support/daemon-lab.ts";
import { run, useLab } from "../support/lab.ts";
import { HELPER, MOUNT } from "../support/program.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();
let daemon: DaemonLab;
beforeEach(() => {
  daemon = new DaemonLab(lab);
});
afterEach(() => daemon?.end());

/** What a command has said, and its status. */
interface Said {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command in this process: it mounts nothing here, the daemon does. */
async function say(...args: readonly string[]): Promise<Said> {
  const said = { out: "", err: "" };
  const hear = (stream: NodeJS.WriteStream, to: "out" | "err"): (() => void) => {
    const spy = vi.spyOn(stream, "write").mockImplementation((text) => {
      said[to] += String(text);
      return true;
    });
    return () => spy.mockRestore();
  };
  const restore = [hear(process.stdout, "out"), hear(process.stderr, "err")];
  try {
    return { status: await runCommandLine(["node", "millrace-mount", ...args], "0.0.0"), ...said };
  } finally {
    for (const each of restore) each();
  }
}

/** The same with the daemon of this test, and wants success. @returns what it said */
async function ask(command: string, ...args: readonly string[]): Promise<string> {
  const { status, out, err } = await say(command, ...args, "--state", daemon.state);
  if (status !== 0) throw new Error(`${command}: status ${status}: ${err}`);
  return out;
}

const COMMANDS: readonly (readonly [string, ...string[]])[] = [
  ["add", "/nowhere"],
  ["remove", "one"],
  ["list"],
  ["status"],
  ["prepare", "one"],
  ["fetch", "one"],
  ["remount", "one"],
  ["unmount", "one"],
  ["set-refresh", "one", "30s"],
  ["prefetch", "/mnt"],
  ["redirect", "/mnt/node_modules"],
  ["evict"],
  ["gc"],
];

describe("without a daemon", () => {
  test.each(COMMANDS)("%s says how to start one", async (...command: readonly string[]) => {
    const { status, out, err } = await say(...command, "--state", daemon.state);
    expect([status, out]).toEqual([3, ""]);
    expect(err).toBe(
      `millrace-mount: no daemon runs on ${daemon.state}: start one with "millrace-mount daemon --state ${daemon.state}"\n`,
    );
  });

  test("doctor looks at all the rest", async () => {
    const { status, out } = await say(
      "doctor",
      "--state",
      daemon.state,
      "--cache-dir",
      daemon.cache,
      "--json",
    );
    expect(status).toBe(1);
    const failed = (JSON.parse(out) as { name: string; outcome: string }[])
      .filter(({ name, outcome }) => outcome === "failed" && name !== "stale mounts")
      .map(({ name }) => name);
    expect(failed).toEqual(["daemon"]);
  });

  test("doctor says whether git's helper for buckets is on the PATH", async () => {
    const find = async (): Promise<unknown> => {
      const { out } = await say("doctor", "--state", daemon.state, "--cache-dir", daemon.cache, "--json");
      return (JSON.parse(out) as { name: string }[]).find(({ name }) => name === "git-remote-millrace");
    };
    const [path, programs] = [process.env["PATH"] ?? "", lab.folder()];
    const others = path.split(":").filter((folder) => !existsSync(join(folder, "git-remote-millrace")));
    vi.stubEnv("PATH", others.join(":"));
    try {
      expect(await find()).toMatchObject({
        outcome: "limited",
        detail: expect.stringContaining("npm install --global @millrace/fs-mount") as string,
      });
      const words = [process.execPath, ...HELPER].map((word) => `'${word}'`).join(" ");
      writeFileSync(join(programs, "git-remote-millrace"), `#!/bin/sh\nexec ${words} "$@"\n`, {
        mode: 0o755,
      });
      vi.stubEnv("PATH", [...others, programs].join(":"));
      expect(await find()).toMatchObject({
        outcome: "ok",
        detail: expect.stringMatching(/^version \d+\./) as string,
      });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe("with a daemon", () => {
  test("each command does what it says", async () => {
    const origin = lab.keep(makeRepository());
    const head = git(origin, ["rev-parse", "HEAD"]);
    await daemon.start();
    const directory = join(daemon.mounts, "one");
    expect(await ask("list")).toBe("");
    expect(await ask("add", `${origin}@main`, "--name", "one", "--refresh", "1h", "--wait-history")).toBe(
      `${origin}@main (${head.slice(0, 9)}) is at ${directory}\n`,
    );
    // The same again changes nothing.
    expect(await ask("add", `${origin}@main`, "--name", "one", "--refresh", "1h")).toContain("added one");
    expect(await ask("list")).toBe(`one\tmain\t${directory}\t${origin}\n`);
    const [status] = JSON.parse(await ask("status", "--json")) as Status[];
    expect(status).toEqual({
      name: "one",
      state: "mounted",
      directory,
      url: origin,
      ref: "main",
      head: "main",
      commit: head,
      baseCommit: head,
      requiredCommit: null,
      acquisition: "not-required",
      history: "complete",
      refreshMs: 3_600_000,
      ahead: 0,
      behind: 0,
      diverged: false,
      lastFetch: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      lastResult: null,
      error: null,
      lastFault: null,
      hydratedBlobs: 0,
      hydratedBytes: 0,
      overlayDirty: 0,
      redirects: [],
    });
    expect(await ask("status", "one")).toMatch(
      /^name=one state=mounted directory=\S+ url=\S+ ref=main head=main /,
    );

    daemon.commit(origin, "next");
    expect(await ask("fetch", "one")).toBe("fetch: one is mounted, 0 ahead and 1 behind\n");

    // Files of one folder, and of all.
    expect(await ask("prefetch", join(directory, "src/part-0"))).toMatch(/^one: 4 files here, \d+ bytes\n$/);
    expect(await daemon.status("one")).toMatchObject({ hydratedBlobs: 4 });
    expect(await ask("prefetch", join(directory, "README.md"))).toBe("one: 1 files here, 10 bytes\n");
    await ask("prefetch", directory);
    const { hydratedBlobs } = await daemon.status("one");
    expect(hydratedBlobs).toBeGreaterThan(12);
    const packs = (): number =>
      readdirSync(join(daemon.state, "mounts/one/git/objects/pack")).filter((name) => name.endsWith(".pack"))
        .length;
    // What was handed over while it arrived is a pack a little later.
    do expect(await ask("gc")).toMatch(/^\d+ packs are \d+; 0 files left the cache, 0 bytes\n$/);
    while (packs() > 1);
    expect(await ask("evict", "one")).toMatch(
      /^evicted \d{2} files of the cache, \d+ bytes, and \d+ of git directories, \d+ bytes\n$/,
    );
    expect(await run("cat", ["README.md"], { cwd: directory })).toBe("version 3\n");
    expect((await daemon.status("one")).hydratedBlobs).toBeGreaterThan(hydratedBlobs);

    // Local changes are counted, deletions among them, and stay.
    await run("sh", ["-c", "echo new > new && rm empty && echo other >> README.md"], { cwd: directory });
    expect((await daemon.status("one")).overlayDirty).toBeGreaterThanOrEqual(3);
    expect(await ask("unmount", "one")).toBe("unmount: one is unmounted\n");
    expect(readdirSync(directory)).toEqual([]);
    expect(await ask("remount", "one")).toBe("remount: one is mounted\n");
    expect(await run("git", ["status", "--porcelain"], { cwd: directory })).toBe(
      " M README.md\n D empty\n?? new\n",
    );

    expect(await ask("set-refresh", "one", "never")).toBe("one is refreshed never\n");
    const { status: refused, err } = await say("fetch", "one", "--state", daemon.state);
    expect([refused, err]).toEqual([
      1,
      "millrace-mount: one is never to be refreshed: set-refresh says otherwise\n",
    ]);
    const looked = await say("doctor", "--state", daemon.state, "--cache-dir", daemon.cache);
    expect(looked.out).toContain(`ok       mount one: ${directory}\n`);

    expect(await ask("remove", "one")).toBe("removed one\n");
    expect(await ask("status")).toBe("");
    const kept = join(daemon.state, "mounts/one");
    expect(existsSync(kept)).toBe(true);
    // What was kept is there again.
    await ask("add", `${origin}@main`, "--name", "one", "--wait");
    expect(await run("cat", ["new"], { cwd: directory })).toBe("new\n");
    expect(await ask("remove", "one", "--purge")).toBe("removed one\n");
    expect(existsSync(kept)).toBe(false);
  });

  test("a name that nobody knows, a password and nonsense are refused", async () => {
    await daemon.start();
    const refusal = async (...args: readonly string[]): Promise<string> => {
      const { status, err } = await say(...args, "--state", daemon.state);
      expect(status).toBe(1);
      return err;
    };
    expect(await refusal("unmount", "other")).toContain('nothing is registered as "other"');
    expect(await refusal("prefetch", "/nowhere")).toContain("/nowhere is in no mount");
    for (const address of [
      "https://me:hunter2@example.com/x.git",
      "https//me:hunter2@example.com/x.git",
      "me:hunter2@example.com/x.git",
      "https://example.com/x.git?token=hunter2",
    ]) {
      const secret = await refusal("add", address);
      expect(secret).toMatch(/^millrace-mount: the address (?:has|is) /);
      expect(secret).not.toContain("hunter2");
    }
    expect(await refusal("add", "https://me:hunter2@example.com/x.git")).toContain("credential helper");
    expect(await refusal("add", "/x", "--refresh", "soon")).toContain('"soon" is no time like 30s');
    expect(await refusal("add", "/x", "--require-commit", "abc")).toContain("40 or 64 hex digits");
    expect(await refusal("add", "/x", "--require-commit", "a".repeat(40))).toContain(
      "wants a branch or a tag",
    );
    expect(await refusal("add", "/x", "--name", "../up")).toContain("a name has no slash");
    expect(existsSync(join(daemon.state, "registry.json"))).toBe(false);
  });
});

test("--detach starts a daemon where none runs, and returns when git works inside", async () => {
  const origin = lab.keep(makeRepository());
  const directory = join(daemon.mounts, "work");
  const args = [...MOUNT, `${origin}@main`, directory, "--detach", "--state", daemon.state];
  const env = { XDG_CACHE_HOME: daemon.cache };
  const said = await run(process.execPath, args, { env });
  const { pid } = await pingOf(daemon);
  try {
    expect(said).toMatch(new RegExp(`^${origin}@main \\([0-9a-f]{9}\\) is at ${directory}\n$`));
    expect(await run("git", ["status", "--porcelain"], { cwd: directory })).toBe("");
    // Again: the same daemon, the same mount.
    expect(await run(process.execPath, args, { env })).toBe(said);
    expect((await pingOf(daemon)).pid).toBe(pid);
    expect(readFileSync(join(daemon.state, "daemon.log"), "utf8")).toContain("work: mounted");
  } finally {
    await ask("remove", "work", "--lazy");
    process.kill(pid, "SIGTERM");
  }
});

async function pingOf(of: DaemonLab): Promise<{ readonly pid: number }> {
  using client = await of.connect();
  return await client.ask({ command: "ping" });
}

test("status --watch tells again what has changed, until it is interrupted", async () => {
  const origin = lab.keep(makeRepository());
  await daemon.start();
  await daemon.mount("one", origin);
  const args = [...MOUNT, "status", "one", "--watch", "--json", "--state", daemon.state];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    const states = (): string[] =>
      said
        .split("\n")
        .slice(0, -1)
        .map((line) => (JSON.parse(line) as Status[])[0]!.state);
    while (!states().includes("mounted")) await once(child.stdout, "data");
    await ask("unmount", "one");
    while (!states().includes("unmounted")) await once(child.stdout, "data");
    expect(states()).toEqual(["mounted", "unmounted"]);
    const exit = once(child, "exit");
    child.kill("SIGINT");
    expect(await exit).toEqual([0, null]);
  } finally {
    child.kill("SIGKILL");
  }
});
