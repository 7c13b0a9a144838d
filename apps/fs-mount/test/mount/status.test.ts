import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { run, useLab } from "../support/lab.ts";
import { runShell } from "../support/mirror.ts";
import { makeRepository } from "../support/repository.ts";

const lab = useLab();

/** What git says when it looks at everything and remembers nothing of it. */
const LOOK =
  "GIT_OPTIONAL_LOCKS=0 git -c core.fsmonitor=false -c core.untrackedCache=false status --porcelain=v1";
const STATUS = "git status --porcelain=v1";
/** How many files git has looked at because the mount did not say that they were the same. */
const LOOKED_AT = "GIT_TRACE_FSMONITOR=1 git status 2>&1 | grep -c mark_fsmonitor_clean || true";
const TOLD = "fsmonitor_refresh_callback 'empty'";
const ASK = '"$(git config core.fsmonitor)" 2';

const path = fc
  .array(fc.constantFrom("a", "b", "src", "names", "part-1", "file-1.c"), { minLength: 1, maxLength: 3 })
  .map((names) => names.join("/"));
const operation = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(path, fc.nat(9)).map(([p, n]) => `echo ${n} > ${p}`) },
  { weight: 2, arbitrary: path.map((p) => `echo more >> ${p}`) },
  { weight: 2, arbitrary: path.map((p) => `mkdir -p ${p}`) },
  { weight: 3, arbitrary: path.map((p) => `rm -rf ${p}`) },
  { weight: 1, arbitrary: path.map((p) => `rmdir ${p}`) },
  { weight: 5, arbitrary: fc.tuple(path, path).map(([p, q]) => `mv -T ${p} ${q}`) },
  { weight: 2, arbitrary: fc.tuple(path, path).map(([p, q]) => `ln -T ${p} ${q}`) },
  { weight: 1, arbitrary: fc.tuple(path, path).map(([p, q]) => `ln -sfT ${q} ${p}`) },
  { weight: 1, arbitrary: fc.tuple(path, path).map(([p, q]) => `cp -a ${p} ${q}`) },
  { weight: 1, arbitrary: path.map((p) => `chmod +x ${p}`) },
  { weight: 1, arbitrary: path.map((p) => `truncate -s 3 ${p}`) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(path, fc.constantFrom("a", "b", "*.c", "!b"))
      .map(([p, x]) => `echo '${x}' >> ${p}/.gitignore`),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "git add -A",
      "git commit -qam changed --allow-empty",
      "git reset -q --hard",
      "git reset -q --soft HEAD~1",
      "git reset -q HEAD~1",
      "git checkout -q -- .",
      "git stash push -q -u",
      "git stash pop -q",
      "git clean -qfd",
      "git checkout -q -f HEAD~1",
      "git checkout -q -f main",
    ),
  },
);

describe("git status in a mount", () => {
  test("asks what has changed, and says what it says when it looks at everything, whatever was done", async () => {
    const origin = lab.keep(makeRepository());
    const step = fc.oneof(
      { weight: 12, arbitrary: fc.array(operation, { minLength: 1, maxLength: 5 }) },
      { weight: 1, arbitrary: fc.constant("remount" as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 12, maxLength: 18 }), async (steps) => {
        const kept = lab.folders();
        let { mounted, faults } = await lab.mountRepository(origin, kept);
        for (const each of steps) {
          if (each === "remount") {
            await mounted.unmount();
            ({ mounted, faults } = await lab.mountRepository(origin, kept));
          } else {
            // Each may fail, as it does where there is nothing of that name.
            await runShell(each.map((command) => `${command};`).join("\n"), kept.directory);
          }
          const said = await runShell(STATUS, kept.directory);
          const after = await runShell(LOOK, kept.directory);
          expect(said.status).toBe(0);
          expect(said.out, JSON.stringify(each)).toBe(after.out);
        }
        expect(faults).toEqual([]);
        await mounted.unmount();
      }),
      { numRuns: 5, interruptAfterTimeLimit: 200_000 },
    );
  }, 300_000);

  test("looks at what has changed and at nothing else, after a restart, too", async () => {
    const origin = lab.keep(makeRepository());
    const kept = lab.folders();
    const { directory } = kept;
    const first = await lab.mountRepository(origin, kept);
    const sh = async (script: string): Promise<string> => (await runShell(script, directory)).out.trim();
    // The index that comes with the mount knows its files.
    expect(await sh(LOOKED_AT)).toBe("0");
    await sh("echo more >> README.md; echo new > new; echo gone > gone; rm gone; mv src/part-1 moved");
    expect(await sh(STATUS)).toBe(await sh(LOOK));
    // README.md alone is there and is another; git looks again at what is not as it knows it.
    expect(Number(await sh(LOOKED_AT))).toBeLessThan(3);
    await first.mounted.unmount();
    const again = await lab.mountRepository(origin, kept);
    expect(Number(await sh(LOOKED_AT))).toBeLessThan(3);
    expect(await sh(STATUS)).toBe(await sh(LOOK));
    // Read-only nothing of that shows, and nobody answers.
    await again.mounted.unmount();
    const readOnly = await lab.mountRepository(origin, { ...kept, readOnly: true });
    expect(await sh(`${ASK} x; echo $?`)).toBe("1");
    expect(await sh(STATUS)).toBe("");
    await readOnly.mounted.unmount();
    await lab.mountRepository(origin, kept);
    expect(await sh(STATUS)).toBe(await sh(LOOK));
    expect(await sh(STATUS)).toContain("?? new");
  });

  test("lets a git that would read modes it has not asked for look at all that it compares with a commit", async () => {
    const origin = lab.keep(makeRepository());
    for (const name of ["plain", "with 'quotes' and blanks"]) {
      const folders = { ...lab.folders(), stateFolder: join(lab.folder(), name) };
      const { directory } = folders;
      await lab.mountRepository(origin, folders);
      const sh = async (script: string): Promise<string> => (await runShell(script, directory)).out.trim();
      await sh("echo more >> README.md; git commit -qam more; git status; rm empty");
      /** Whether git took a name that it was told, and not that all may have changed. */
      const tellsNames = async (asking: string): Promise<boolean> =>
        (await sh(`GIT_TRACE_FSMONITOR=1 GIT_OPTIONAL_LOCKS=0 git ${asking} 2>&1`)).includes(TOLD);
      expect(await tellsNames("status")).toBe(true);
      const reads = /^git version 2\.(3[2-9]|4[0-2])\./.test(await sh("git --version"));
      for (const comparing of ["diff HEAD~1 --name-status", "diff-index --name-status HEAD~1"]) {
        expect(await sh(`git ${comparing}`)).toBe("M\tREADME.md\nD\tempty");
        expect(await tellsNames(comparing)).toBe(!reads);
      }
    }
  });

  test("tells the first time, too, what was changed before git had an index", async () => {
    const origin = lab.keep(makeRepository());
    const kept = lab.folders();
    const { directory } = kept;
    const sh = async (script: string): Promise<string> => (await runShell(script, directory)).out.trim();
    await lab.mountRepository(origin, kept);
    await sh(
      "echo more >> README.md; rm run.sh; chmod +x src/part-0/file-0.c; mv src/part-1 moved; mkdir made; echo new > made/new; ln -sf a link",
    );
    const said = await sh(STATUS);
    expect(said.split("\n").map((line) => line.trim())).toEqual(
      expect.arrayContaining(["M README.md", "M src/part-0/file-0.c", "D run.sh", "?? made/"]),
    );
    expect(said).toBe(await sh(LOOK));
    const few = Number(await sh(LOOKED_AT));
    expect(few).toBeLessThan(6);
  });

  test("is not taken from a first index beside changes of which nobody knows when they were made", async () => {
    const origin = lab.keep(makeRepository());
    const kept = lab.folders();
    const sh = async (script: string): Promise<string> => (await runShell(script, kept.directory)).out.trim();
    const first = await lab.mountRepository(origin, kept);
    await sh("echo more >> README.md; rm run.sh");
    await first.mounted.unmount();
    rmSync(join(kept.stateFolder, "git/index"));
    await lab.mountRepository(origin, kept);
    expect(await sh(STATUS)).toBe(" M README.md\n D run.sh".trim());
    expect(await sh(STATUS)).toBe(await sh(LOOK));
  });

  test("is answered by a file that is listed nowhere and that git cannot take", async () => {
    const { directory } = await lab.mountRepository(lab.keep(makeRepository()));
    const sh = async (script: string): Promise<string> => (await runShell(script, directory)).out;
    const ask = async (token: string): Promise<string[]> => (await sh(`${ASK} '${token}'`)).split("\0");
    const [token = "", ...rest] = await ask("1700000000000000000");
    expect(rest).toEqual(["/", ""]);
    await sh(
      "echo x > new; mkdir -p made/deep; rm README.md; echo x > gone; rm gone; mv names renamed; ln new other; echo y >> other",
    );
    const [next = "", ...paths] = await ask(token);
    expect(paths.pop()).toBe("");
    expect(paths.toSorted()).toEqual(
      [
        "README.md",
        "gone",
        "made/",
        "made/deep/",
        "names/",
        "names/.",
        "new",
        "other",
        "renamed/",
        "renamed/.",
      ].toSorted(),
    );
    expect((await ask(next)).slice(1)).toEqual([""]);
    // Another path, another version, another working tree.
    for (const args of ["2 ../../README", "1 1700000000000000000", "3 x"])
      expect(await sh(`"$(git config core.fsmonitor)" ${args}; echo $?`)).toBe("1\n");
    expect(await sh("ls -A | grep -c millrace; git status --porcelain | grep -c millrace")).toBe("0\n0\n");
    const name = `.git:millrace-changes-${next}`;
    expect(await sh(`echo x > '${name}' || echo refused`)).toBe("refused\n");
    expect(await sh(`stat -c '%F %a %s' '${name}'`)).toBe("regular empty file 444 0\n");
    // The same git directory has another working tree, of which the mount knows nothing.
    const other = join(lab.folder(), "tree");
    await run("git", ["worktree", "add", "-q", "--detach", other, "HEAD"], { cwd: directory });
    await run("sh", ["-c", "git status && echo changed > run.sh"], { cwd: other });
    expect(await run("git", ["status", "--porcelain"], { cwd: other })).toBe(" M run.sh\n");
  });

  test("remembers untracked files, in a state folder with any name", async () => {
    const stateFolder = join(lab.folder(), "it's a folder; $HOME");
    mkdirSync(stateFolder);
    const { directory, mounted } = await lab.mountRepository(lab.keep(makeRepository()), { stateFolder });
    const sh = async (script: string): Promise<string> => (await runShell(script, directory)).out;
    expect(await sh("git update-index --test-untracked-cache 2>&1 | tail -1")).toMatch(/ OK\n$/);
    await sh("mkdir -p made/deep; touch made/deep/file untracked; git status; git status");
    const traced = await sh("GIT_TRACE2_PERF=1 git status --porcelain 2>&1");
    expect(traced).toMatch(/read_directo.*opendir:0/);
    expect(traced).toContain("?? made/\n?? untracked\n");
    const before = statSync(join(mounted.gitDirectory, "index")).mtimeMs;
    await sh("git status");
    expect(statSync(join(mounted.gitDirectory, "index")).mtimeMs).toBe(before);
  });
});
