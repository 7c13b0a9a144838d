import { existsSync } from "node:fs";
import { mkdir, realpath, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseConfig } from "@millrace/storage";
import { openFsRepository, openFsStorage } from "../../src/index.ts";
import { git, tryGit } from "@millrace/git-lab";
import { inScratch, withSnapshot } from "./scratch.ts";

/** What git makes of a file; `undefined` where it refuses it. */
function gitConfig(root: string, path: string): string[] | undefined {
  const { status, stdout } = tryGit(root, ["config", "--file", path, "--includes", "--list", "--null"]);
  if (status !== 0) return undefined;
  const entries = stdout.split("\0").slice(0, -1);
  return entries.map((entry) => (entry.includes("\n") ? entry : `${entry}\ntrue`));
}

test("parseConfig agrees with git config", () =>
  inScratch(async (root) => {
    const word = fc.constantFrom("a", "Bc", "d-e", "1", "x.y");
    // No tab inside a value: gits before 2.45 make a blank of it.
    const value = fc
      .array(
        fc.constantFrom("a", " ", "  ", '"', "\\", "\\n", "\\t", '\\"', "\\\\", "#", ";", "\\\n", "b=c", "é"),
        { maxLength: 6 },
      )
      .map((pieces) => pieces.join(""));
    const subsection = fc
      .array(fc.constantFrom("S", " ", "\\\\", '\\"', ".", "é"), { maxLength: 3 })
      .map((pieces) => pieces.join(""));
    const line = fc.oneof(
      fc
        .tuple(word, fc.option(subsection))
        .map(([name, sub]) => (sub === null ? `[${name}]` : `[${name} "${sub}"]`)),
      fc.tuple(word, value).map(([key, text]) => `  ${key} = ${text}`),
      word,
      fc.constantFrom("# comment", "", "; other"),
    );
    const path = join(root, "config");
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), async (lines) => {
        const text = `[first]\n${lines.join("\n")}\n`;
        await writeFile(path, text);
        let ours: string[] | undefined;
        try {
          ours = parseConfig(text).map((entry) => `${entry.key}\n${entry.value}`);
        } catch {
          ours = undefined;
        }
        expect(ours, JSON.stringify(text)).toEqual(gitConfig(root, path));
      }),
      { numRuns: 300 },
    );
  }));

/** What git says the whole configuration of a repository is, line by line; its own included files among it. */
function gitSettings(directory: string, home: string): string[] {
  // Where git finds itself inside a bare repository it calls that `<path>/.`, which patterns are not written for.
  const bare = existsSync(join(directory, "HEAD")) ? [`--git-dir=${directory}`] : [];
  const list = [...bare, "config", "--list", "--null", "--includes"];
  const { status, stdout, stderr } = tryGit(directory, list, undefined, { HOME: home });
  if (status !== 0) throw new Error(stderr);
  const entries = stdout.split("\0").slice(0, -1);
  return entries.map((entry) => (entry.includes("\n") ? entry : `${entry}\ntrue`));
}

async function ourSettings(directory: string, home: string): Promise<string[]> {
  const store = await openFsRepository(directory, { homeDirectory: home });
  const { entries } = await withSnapshot(store, (view) => view.config());
  return entries.map(({ key, value }) => `${key}\n${value}`);
}

test("git reads the settings that a repository is made with", () =>
  inScratch(async (root) => {
    const storage = openFsStorage({ root, homeDirectory: root });
    const word = fc.constantFrom("a", "b", "hideRefs".toLowerCase(), "d-1");
    const text = fc
      .array(fc.constantFrom("a", " ", '"', "\\", "\n", "\t", "\b", "\r", "#", ";", "=", "[", "é"), {
        maxLength: 6,
      })
      .map((pieces) => pieces.join(""));
    const subsection = text.map((name) => `.${name.replaceAll("\n", "")}.`);
    const entry = fc.record({
      key: fc
        .tuple(word, fc.oneof(fc.constant("."), subsection), word)
        .map(([section, between, key]) => `x-${section}${between}${key}`),
      value: text,
    });
    let made = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 6 }), async (config) => {
        const name = `r${made++}.git`;
        await storage.create(name, { config });
        const lines = config.map(({ key, value }) => `${key}\n${value}`);
        const settings = gitSettings(join(root, name), root);
        expect(settings.filter((line) => line.startsWith("x-"))).toEqual(lines);
        expect(await ourSettings(join(root, name), root)).toEqual(settings);
      }),
      { numRuns: 60 },
    );
  }));

test("files that settings name are found where git would look", () =>
  inScratch(async (root) => {
    git(root, ["init", "--quiet", "--bare", "r.git"]);
    const directory = join(root, "r.git");
    await writeFile(join(directory, "list"), "inside");
    await writeFile(join(root, "list"), "at home");
    const store = await openFsRepository(directory, { homeDirectory: root });
    const read = async (path: string): Promise<string | undefined> => {
      const bytes = await withSnapshot(store, async (view) => view.configuredFile?.(path));
      return bytes === undefined ? undefined : Buffer.from(bytes).toString();
    };
    expect(await read("list")).toBe("inside");
    expect(await read("../list")).toBe("at home");
    expect(await read(join(root, "list"))).toBe("at home");
    expect(await read("~/list")).toBe("at home");
    for (const path of ["none", "objects", "~other/list", "%(prefix)/list"]) {
      expect(await read(path), path).toBeUndefined();
    }
  }));

test("included files are read where they are named, and again when they change", () =>
  inScratch(async (root) => {
    git(root, ["init", "--quiet", "--bare", "."]);
    const store = await openFsRepository(root);
    const path = join(root, "config");
    await writeFile(path, "[a]\nx = 1\n[include]\npath = more\npath = missing\n[a]\nx = 3\n");
    await writeFile(join(root, "more"), '[a]\nx = 4\n[http "https://Example.org"]\nextraHeader = yes\n');
    await withSnapshot(store, async (view) => {
      const values = await view.config();
      expect(values.get("a.x")).toEqual(["1", "4", "3"]);
      expect(values.get("http.https://Example.org.extraheader")).toEqual(["yes"]);
    });
    expect(await ourSettings(root, root)).toEqual(gitSettings(root, root));
    await writeFile(join(root, "more"), "[a]\nx = 5\n");
    await withSnapshot(store, async (view) =>
      expect((await view.config()).get("a.x")).toEqual(["1", "5", "3"]),
    );
  }));

test("includes nest ten deep, as in git; what is deeper, or turns in a circle, is refused", () =>
  inScratch(async (root) => {
    git(root, ["init", "--quiet", "--bare", "."]);
    for (const [depth, fits] of [
      [10, true],
      [11, false],
    ] as const) {
      await writeFile(join(root, "config"), "[include]\npath = include1\n");
      for (let level = 1; level <= depth; level++) {
        const next = level === depth ? "" : `[include]\npath = include${level + 1}\n`;
        await writeFile(join(root, `include${level}`), `[a]\nx = ${level}\n${next}`);
      }
      expect(tryGit(root, ["config", "--list"]).status === 0).toBe(fits);
      if (fits) expect(await ourSettings(root, root)).toEqual(gitSettings(root, root));
      else await expect(openFsRepository(root)).rejects.toMatchObject({ code: "STORAGE_CORRUPT" });
    }
    await writeFile(join(root, "config"), "[include]\npath = config\n");
    expect(tryGit(root, ["config", "--list"]).status).not.toBe(0);
    await expect(openFsRepository(root)).rejects.toMatchObject({ code: "STORAGE_CORRUPT" });
  }));

test("~, relative and conditional includes are those that git follows", () =>
  inScratch(async (scratch) => {
    const root = await realpath(scratch);
    const home = join(root, "Home");
    await mkdir(join(home, "work"), { recursive: true });
    await mkdir(join(root, "shared"));
    await symlink(home, join(root, "link"));
    const conditions = [
      "gitdir:~/",
      "gitdir:~/work/",
      "gitdir:~/work/repo.git",
      "gitdir:~/work/repo",
      "gitdir:~/play/",
      "gitdir:~/work/*",
      "gitdir:repo.git",
      "gitdir:work/repo.git/",
      "gitdir:REPO.git",
      "gitdir/i:REPO.git",
      "gitdir/i:~/WORK/",
      "gitdir:**/repo.*",
      `gitdir:${root}/`,
      `gitdir:${root}`,
      `gitdir:${root}/link/`,
      `gitdir:${home}/w?rk/[a-r]epo.git`,
      `gitdir:${home}/**`,
      `gitdir:${home}/*`,
      "gitdir:./",
      "gitdir:./repo.git",
      "gitdir:./**",
      "gitdir:.",
      "gitdir:/",
      "gitdir:",
      "onbranch:main",
      "onbranch:ma*",
      "onbranch:topic/",
      "onbranch:topic/**",
      "onbranch:topic/*",
      "onbranch:*",
      "onbranch:**",
      "onbranch:",
      "hasconfig:remote.*.url:x",
      "nonsense",
    ];
    await mkdir(join(home, "included"));
    const lines = ["[core]", "repositoryformatversion = 0", "bare = true", "[a]", "x = first"];
    for (const [index, condition] of conditions.entries()) {
      lines.push(`[includeIf "${condition}"]`, `path = ../../included/c${index}`);
      await writeFile(join(home, "included", `c${index}`), `[a]\nx = ${index}\n[only]\nc${index} = yes\n`);
    }
    for (const path of [
      "~/included/home",
      "~/missing",
      "../../../shared/relative",
      `${root}/shared/absolute`,
    ])
      lines.push("[include]", `path = ${path}`, "[b]", "y = between");
    await writeFile(join(home, "included", "home"), "[a]\nx = home\n[include]\npath = nested\n");
    await writeFile(
      join(home, "included", "nested"),
      '[a]\nx = nested\n[includeIf "gitdir:../"]\npath = c0\n',
    );
    await writeFile(
      join(root, "shared", "relative"),
      '[a]\nx = relative\n[includeIf "gitdir:./repo.git"]\npath = absolute\n',
    );
    await writeFile(
      join(root, "shared", "absolute"),
      '[a]\nx = absolute\n[includeIf "onbranch:m*"]\npath = deep\n',
    );
    await writeFile(join(root, "shared", "deep"), "[a]\nx = deep\n");
    for (const name of ["work/repo.git", "work/other.git"]) {
      git(home, ["init", "--quiet", "--bare", name]);
      for (const head of ["refs/heads/main", "refs/heads/topic/a/b", "refs/heads/topic/a"]) {
        git(join(home, name), ["symbolic-ref", "HEAD", head]);
        await writeFile(join(home, name, "config"), `${lines.join("\n")}\n`);
        for (const base of [home, join(root, "link")]) {
          const directory = join(base, name);
          expect(await ourSettings(directory, home), `${directory} ${head}`).toEqual(
            gitSettings(directory, home),
          );
        }
      }
    }
    const directory = join(home, "work/repo.git");
    git(directory, [
      "update-ref",
      "refs/heads/main",
      git(directory, ["hash-object", "-w", "-t", "commit", "--stdin"], COMMIT).trim(),
    ]);
    git(directory, ["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    git(directory, ["symbolic-ref", "HEAD", "refs/heads/alias"]);
    expect(await ourSettings(directory, home)).toEqual(gitSettings(directory, home));
    git(directory, [
      "update-ref",
      "--no-deref",
      "HEAD",
      git(directory, ["rev-parse", "refs/heads/main"]).trim(),
    ]);
    expect(await ourSettings(directory, home)).toEqual(gitSettings(directory, home));
  }));

const COMMIT = `tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904
author A <a@example.org> 1700000000 +0000
committer A <a@example.org> 1700000000 +0000

one
`;

test("branch patterns match as git's wildmatch does", () =>
  inScratch(async (root) => {
    git(root, ["init", "--quiet", "--bare", "."]);
    for (let index = 0; index < 40; index++) await writeFile(join(root, `p${index}`), `[hit]\np${index}\n`);
    const piece = fc.constantFrom(
      "a",
      "b",
      "c",
      "/",
      "*",
      "**",
      "?",
      "[ab]",
      "[!a]",
      "[^b-c]",
      "[a-]",
      "[[:alpha:]]",
    );
    const odd = fc.constantFrom(
      "[]a]",
      "[[:digit:]b]",
      "[b-a]",
      "[",
      "[[:no:]]",
      "[[:alpha]",
      "[/]",
      "-",
      "[a/b]",
    );
    const pattern = fc.array(fc.oneof({ weight: 4, arbitrary: piece }, odd), { minLength: 1, maxLength: 6 });
    const branch = fc
      .array(fc.constantFrom("a", "b", "c", "ab", "/", "-", "é"), { minLength: 1, maxLength: 7 })
      .map((parts) =>
        parts
          .join("")
          .replace(/^[-/]+|\/+$/g, "")
          .replaceAll(/\/+/g, "/"),
      )
      .filter((name) => name !== "");
    await fc.assert(
      fc.asyncProperty(
        fc.array(pattern, { minLength: 40, maxLength: 40 }),
        branch,
        async (patterns, name) => {
          const globs = patterns.map((pieces) => pieces.join(""));
          const sections = globs.map((glob, index) => `[includeIf "onbranch:${glob}"]\npath = p${index}\n`);
          await writeFile(join(root, "config"), `[core]\nbare = true\n${sections.join("")}`);
          await writeFile(join(root, "HEAD"), `ref: refs/heads/${name}\n`);
          expect(await ourSettings(root, root), name).toEqual(gitSettings(root, root));
        },
      ),
      { numRuns: 60 },
    );
  }));

test("a worktree's own configuration counts after the common one, where the extension is on", () =>
  inScratch(async (root) => {
    const main = join(root, "main");
    git(root, ["init", "--quiet", main]);
    git(main, ["commit", "--quiet", "--allow-empty", "-m", "one"]);
    git(main, ["worktree", "add", "--quiet", "../linked"]);
    git(main, ["config", "a.x", "common"]);
    for (const on of ["true", "false", "true"]) {
      git(main, ["config", "extensions.worktreeConfig", on]);
      if (on === "true") {
        git(main, ["config", "--worktree", "a.x", "main"]);
        git(join(root, "linked"), ["config", "--worktree", "a.x", "linked"]);
        git(join(root, "linked"), ["config", "--worktree", "include.path", "more"]);
        await writeFile(join(main, ".git", "worktrees", "linked", "more"), "[a]\nx = included\n");
      }
      for (const directory of [main, join(root, "linked")])
        expect(await ourSettings(directory, root), directory).toEqual(gitSettings(directory, root));
    }
  }));
