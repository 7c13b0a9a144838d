import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { INTERRUPTED, type RedirectStatus } from "../../src/redirect/schema.ts";
import { DaemonLab } from "../support/daemon-lab.ts";
import { run, useLab, whyNot } from "../support/lab.ts";
import { makeProject, only, redirect, seen, undo, whyNoRedirect } from "../support/redirects.ts";

const lab = useLab(whyNot() ?? whyNoRedirect());
let daemon: DaemonLab;
/** What is found before the system's own programs. */
let programs: string;
beforeEach(() => {
  daemon = new DaemonLab(lab);
  programs = lab.folder();
  daemon.environment = { PATH: `${programs}:${process.env["PATH"]}` };
});
afterEach(() => daemon?.end());

/** Has a script of ours run in place of a program; `real` in it is the system's. */
function replace(name: string, script: string): void {
  const own = join(programs, name);
  writeFileSync(own, `#!/bin/sh\nPATH=${process.env["PATH"]}\nreal() { ${name} "$@"; }\n${script}\n`);
  chmodSync(own, 0o755);
}

const FILL =
  "mkdir -p node_modules/one; for n in 1 2 3 4 5; do echo $n > node_modules/one/file-$n; done; head -c 50000 /dev/zero > node_modules/large";

async function project(): Promise<string> {
  await daemon.start();
  const directory = await daemon.mount("one", lab.keep(makeProject()));
  await run("sh", ["-ec", FILL], { cwd: directory });
  return join(directory, "node_modules");
}

/** Has the daemon killed when it comes to a step, counted from zero; `armed` is the file that says which. */
function killAt(armed: string): void {
  for (const name of ["cp", "mv", "mkdir", "mount", "umount", "ln", "rm", "rmdir", "sync"]) {
    replace(
      name,
      `left=$(cat ${armed} 2>/dev/null) || { real "$@"; exit; }
if [ "$left" -gt 0 ]; then echo $((left - 1)) > ${armed}; real "$@"; exit; fi
rm ${armed}; daemon=$PPID
while case $(cat /proc/$daemon/comm) in sh | find) true ;; *) false ;; esac
do daemon=$(cut -d" " -f4 /proc/$daemon/stat); done
kill -9 $daemon; real "$@"`,
    );
  }
}

describe.each(["bind", "link"] as const)("a redirection by a %s whose daemon is killed", (kind) => {
  /** Starts the daemon again, and waits for what it makes of the redirection; its content is all there. */
  async function restart(modules: string, tree: string, words: string): Promise<readonly RedirectStatus[]> {
    await daemon.ended();
    await daemon.start();
    await daemon.until("one", ({ state, head }) => state === "mounted" && head !== null);
    const { redirects } = await daemon.until("one", ({ redirects: [each] }) => each?.state !== "hidden");
    expect((await seen(`${modules}/`)).tree, words).toBe(tree);
    const told = redirects.map(({ state, error }) => [state, error]);
    expect([[["shown", null]], [["broken", INTERRUPTED]], []], words).toContainEqual(told);
    return redirects;
  }

  // Both kinds take the same steps but for the last: one is killed at every other step, and the other one at those between.
  test("at any step has all of its content after the next start, and can be made and undone then", {
    timeout: 900_000,
  }, async () => {
    const modules = await project();
    const { tree } = await seen(modules);
    const armed = join(programs, "armed");
    killAt(armed);
    const found = { out: new Set<string>(), back: new Set<string>() };
    for (const way of ["out", "back"] as const) {
      for (let step = kind === "bind" ? 0 : 1; ; step += 2) {
        if (way === "back") await redirect(daemon, modules, kind);
        writeFileSync(armed, String(step));
        const work = way === "out" ? redirect(daemon, modules, kind) : undo(daemon, modules);
        const isDone = await work.then(
          () => true,
          () => false,
        );
        if (isDone) {
          rmSync(armed);
          if (way === "out") await undo(daemon, modules);
          expect(step).toBeGreaterThan(4);
          break;
        }
        const redirects = await restart(modules, tree, `${way}, step ${step}`);
        found[way].add(redirects[0]?.state ?? "none");
        if (redirects.length > 0) await undo(daemon, modules);
        expect((await seen(modules)).tree).toBe(tree);
      }
    }
    expect([...found.out].sort()).toEqual(["broken", "shown"]);
    expect([...found.back].sort()).toEqual(["none", "shown"]);
    expect(await run("ls", ["-A", join(modules, "..")])).not.toContain("millrace");
    expect(readdirSync(join(daemon.state, "mounts/one/redirects"))).toEqual([]);
  });
});

describe("a redirection that cannot be made", () => {
  const FAULTS: readonly (readonly [string, string, string])[] = [
    ["a disk that is full", "cp", 'real "$@"; echo "cp: No space left on device" >&2; exit 1'],
    [
      "a mount that is refused",
      "mount",
      'case "$*" in *--bind*) echo "mount: refused" >&2; exit 32;; esac; real "$@"',
    ],
  ];
  test.each(FAULTS)("for %s changes nothing", async (_, name, script) => {
    const modules = await project();
    const before = await seen(modules);
    replace(name, script);
    await expect(redirect(daemon, modules)).rejects.toMatchObject({ code: "MOUNT_REDIRECT_FAILED" });
    expect(await seen(modules)).toEqual(before);
    expect((await daemon.status("one")).redirects).toEqual([]);
    expect(readdirSync(join(daemon.state, "mounts/one/redirects"))).toEqual([]);
    expect(await run("ls", ["-A", join(modules, "..")])).not.toContain("millrace");
  });

  test("since somebody writes meanwhile loses none of it, there and back", async () => {
    const modules = await project();
    const failed = { code: "MOUNT_REDIRECT_FAILED" };
    replace("cp", `real "$@"; echo late > ${modules}/late`);
    await expect(redirect(daemon, modules)).rejects.toMatchObject(failed);
    expect(await run("cat", [join(modules, "late")])).toBe("late\n");
    rmSync(join(programs, "cp"));
    await redirect(daemon, modules);
    replace("cp", `real "$@"; echo later > ${modules}/later`);
    await expect(undo(daemon, modules)).rejects.toMatchObject(failed);
    const { state, folder } = await only(daemon);
    expect([state, readdirSync(folder).sort()]).toEqual(["shown", ["large", "late", "later", "one"]]);
    expect(await run("cat", [join(modules, "later")])).toBe("later\n");
  });

  test("names where its content is when something has taken its place meanwhile", async () => {
    const modules = await project();
    const { tree } = await seen(modules);
    // As soon as it is set aside somebody makes what is missing.
    replace("mv", `real "$@"; mkdir ${modules}; echo own > ${modules}/own`);
    const failed = await redirect(daemon, modules).catch((error: unknown) => error as Error);
    expect(failed).toMatchObject({ code: "MOUNT_REDIRECT_FAILED" });
    const aside = /its content is in (\S+);/.exec((failed as Error).message)?.[1] ?? "none";
    expect((await seen(aside)).tree).toBe(tree);
    expect(await run("cat", [join(modules, "own")])).toBe("own\n");
    expect(await only(daemon)).toMatchObject({ state: "broken", error: expect.stringContaining(aside) });
    rmSync(join(programs, "mv"));
    await run("rm", ["-r", modules]);
    await undo(daemon, modules);
    expect((await seen(modules)).tree).toBe(tree);
    expect((await daemon.status("one")).redirects).toEqual([]);
  });

  test("is broken where content has come in its place or its own is gone, and says so", async () => {
    const modules = await project();
    await redirect(daemon, modules);
    const { folder } = await only(daemon);
    await run("umount", [modules]);
    expect(await only(daemon)).toMatchObject({ state: "broken" });
    await run("sh", ["-c", "echo own > $0/own", modules]);
    await expect(redirect(daemon, modules)).rejects.toMatchObject({ code: "MOUNT_REDIRECT_REFUSED" });
    await expect(undo(daemon, modules)).rejects.toMatchObject({ code: "MOUNT_REDIRECT_REFUSED" });
    await daemon.signal("SIGTERM");
    await daemon.start();
    const { error } = (await daemon.until("one", ({ redirects: [each] }) => each?.state === "broken"))
      .redirects[0]!;
    expect(error).toContain(
      `node_modules has content of its own in the mount, and other content in ${folder}`,
    );
    await run("rm", [join(modules, "own")]);
    await redirect(daemon, modules);
    expect(existsSync(join(folder, "large"))).toBe(true);
    expect(await run("cat", [join(modules, "one/file-1")])).toBe("1\n");
    mkdirSync(join(folder, "more"));
    expect(await run("ls", [modules])).toContain("more");
  });
});
