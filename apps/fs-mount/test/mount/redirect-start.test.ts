import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { besideUser, whyNoUser } from "../support/beside-user.ts";
import { DaemonLab } from "../support/daemon-lab.ts";
import { useForeground } from "../support/foreground.ts";
import { run, useLab, whyNot } from "../support/lab.ts";
import { MOUNT } from "../support/program.ts";
import { makeProject, redirect, seen, whyNoRedirect } from "../support/redirects.ts";

const lab = useLab(whyNot() ?? whyNoRedirect());
const foreground = useForeground();
let daemon: DaemonLab;
beforeEach(() => {
  daemon = new DaemonLab(lab);
});
afterEach(() => daemon?.end());

const ask = (...args: readonly string[]): Promise<string> =>
  run(process.execPath, [...MOUNT, ...args, "--state", daemon.state]);

describe("--redirect", () => {
  test("in the foreground puts directories on the native disk, and later mounts keep them", async () => {
    const origin = lab.keep(makeProject());
    const [directory, state] = [lab.folder(), lab.folder()];
    const folders = ["--state", state, "--cache-dir", lab.folder()];
    const wishes = ["--redirect", "node_modules", "--redirect", "deep/build/"];
    const first = await foreground.start(origin, directory, [...folders, ...wishes]);
    await run("sh", ["-ec", "echo 1 > node_modules/file; echo 2 > deep/build/file"], { cwd: directory });
    const exit = once(first.child, "exit");
    first.child.kill("SIGINT");
    expect(await exit).toEqual([0, null]);
    expect(await run("ls", ["-A", directory])).toBe("");
    expect(
      readdirSync(join(state, "redirects"))
        .map((name) => name.replace(/-\w+$/, ""))
        .sort(),
    ).toEqual(["build", "node_modules"]);
    await foreground.start(origin, directory, folders);
    expect(await run("cat", ["node_modules/file", "deep/build/file"], { cwd: directory })).toBe("1\n2\n");
    expect((await seen(join(directory, "deep/build"))).type).not.toContain("fuse");
  });

  test("of add is kept over a remount and told by status, list and doctor, which finds a link that is gone", async () => {
    await daemon.start();
    const directory = join(daemon.mounts, "one");
    const wish = ["--redirect", "node_modules", "--wait"];
    await ask("add", `${lab.keep(makeProject())}@main`, directory, "--name", "one", ...wish);
    await run("sh", ["-ec", "echo 1 > node_modules/file"], { cwd: directory });
    await ask("remount", "one");
    expect(await run("cat", ["node_modules/file"], { cwd: directory })).toBe("1\n");
    await redirect(daemon, join(directory, "build"), "link");
    const { redirects } = await daemon.status("one");
    expect(redirects.map(({ path, kind, state }) => [path, kind, state])).toEqual([
      ["build", "link", "shown"],
      ["node_modules", "bind", "shown"],
    ]);
    const lines = redirects.map(({ path, kind, folder }) => ["one", path, kind, "shown", folder].join("\t"));
    expect(await ask("redirect")).toBe(`${lines.join("\n")}\n`);
    const examine = (): Promise<string> => ask("doctor", "--cache-dir", daemon.cache).catch(String);
    expect(await examine()).toContain(`ok       redirect one/node_modules: ${redirects[1]!.folder}`);
    await run("rm", [join(directory, "build")]);
    const found = await examine();
    expect(found).toMatch(/FAILED {3}redirect one\/build: .*no link to .*: redirect it again, or undo it/);
    await ask("redirect", join(directory, "node_modules"), "--undo");
    expect((await daemon.status("one")).redirects.map(({ path }) => path)).toEqual(["build"]);
    expect((await seen(join(directory, "node_modules"))).type).toContain("fuse");
  });
});

test("an ordinary user redirects by a link, may mount nothing over it, and takes it back", async (ctx) => {
  const why = whyNoUser();
  if (why !== undefined) ctx.skip(why);
  const origin = lab.keep(makeProject());
  const said = await besideUser(
    lab,
    origin,
    `cat > $D/as-user <<'END'
      ask() { $MOUNT "$@" --state $D/home/state; }
      $MOUNT daemon --state $D/home/state --cache-dir $D/home/blobs > $D/home/said 2>&1 & daemon=$!
      for i in $(seq 600); do ask list > $D/home/list 2>&1 && break; sleep 0.1; done
      ask add ${origin}@main $D/mnt --name one --wait > $D/home/added
      cd $D/mnt; mkdir node_modules; echo 1 > node_modules/file
      ask redirect node_modules --bind 2>&1 || echo refused
      ask redirect node_modules > $D/home/redirected
      readlink node_modules | sed "s,-[0-9a-f]*$,,; s,$D,D,"
      stat -f -c %T node_modules/ | sed "s/.*fuse.*/fuse/; t; s/.*/native/"; cat node_modules/file
      git status --porcelain
      cd /
      ask remount one > $D/home/remounted; cat $D/mnt/node_modules/file
      ask redirect $D/mnt/node_modules --undo > $D/home/undone
      stat -f -c %T $D/mnt/node_modules | sed "s/.*fuse.*/fuse/"; cat $D/mnt/node_modules/file
      kill -TERM $daemon; wait $daemon
END
    as_user "sh -e $D/as-user"`,
  );
  expect(said).toEqual([
    expect.stringContaining("only root may mount over it; --link is the way"),
    "refused",
    "D/home/state/mounts/one/redirects/node_modules",
    "native",
    "1",
    "1",
    "fuse",
    "1",
  ]);
});
