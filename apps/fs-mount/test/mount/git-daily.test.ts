import { describe, test } from "vitest";
import { useLab } from "../support/lab.ts";
import { Mirror } from "../support/mirror.ts";

const lab = useLab();
let mirror: Mirror;

describe("what one does with git every day is in a mount what it is in a clone", () => {
  test("looking, tagging, comparing", async () => {
    mirror = await Mirror.ofNew(lab);
    await mirror.both(`
      git remote get-url origin; git describe --always; git tag v1 HEAD~1; git tag -a -m two v2; git describe --tags HEAD~1
      git diff --quiet; git diff --cached --quiet; git log -S'return 5' --oneline -- src; git log --follow --format=%s README.md
      git blame -L 1,2 src/part-0/file-0.c; git shortlog -sn HEAD; git show HEAD:README.md HEAD~2:README.md
      git cat-file -s HEAD:large.bin; git grep -c return HEAD~1 -- src/part-1; git rev-list --count HEAD
      git archive HEAD | tar -t; git range-diff HEAD~2..HEAD~1 HEAD~1..HEAD | cut -c 1-20; git notes add -m note; git notes show
      git name-rev --name-only HEAD~2; git show-branch --list; git fsck --no-dangling --no-progress`);
    await mirror.both(`
      echo x >> README.md; mkdir made; echo y > made/y; rm run.sh; echo '*.log' > .gitignore; echo l > made/l.log
      if git diff --quiet; then echo none; else echo differs; fi; git diff --summary; git diff --name-status -z | tr '\\0' '|'
      git status --porcelain=v1 -z | tr '\\0' '|'; git status --porcelain=v2 --untracked-files=all --ignored
      git ls-files -m -d -o --exclude-standard; git check-ignore -v made/l.log; git diff --no-index README.md made/y | tail -n 1
      git -C src status --short; git -C made add .; git ls-files -s made`);
    await mirror.both("git clean -fdXq; git ls-files -o; git checkout-index -f run.sh; git status -s");
  });

  test("staging by pieces, restoring, stashing", async () => {
    mirror = await Mirror.ofNew(lab);
    await mirror.both(`
      sed -i -e '1i top' -e '$a end' src/part-2/file-11.c
      printf 'y\\nn\\n' | git add -p src/part-2/file-11.c > said; rm said; git diff --cached; git diff`);
    await mirror.both(
      "git stash push -q -- src/part-2/file-11.c; git stash show -p; git stash branch stashed",
    );
    await mirror.both(`
      git restore --staged src; git restore src; git restore --source=HEAD~1 -SW -- README.md src; git status -s
      git switch -q -c switched`);
    await mirror.both(`
      git rm -q --cached README.md; git status -s; git add -N README.md; git diff --stat; git add README.md
      git mv README.md readme.md; git update-index --chmod=+x readme.md; git status -s`);
    await mirror.both(`
      git update-index --assume-unchanged empty; echo x > empty; git status -s; git update-index --no-assume-unchanged empty`);
    // Another index than the mount's, which stays as it is.
    await mirror.both(`
      export GIT_INDEX_FILE="$PWD/.other"; git read-tree HEAD~1; git write-tree; git add readme.md; git ls-files readme.md
      rm .other`);
    await mirror.remount();
    await mirror.both(`
      git commit -qm staged; git commit -q --allow-empty --amend -m amended; git reset -q --hard HEAD~1; git status -s`);
  });

  test("patches, rewriting, bisecting", async () => {
    mirror = await Mirror.ofNew(lab);
    await mirror.both(`
      git checkout -q -b topic
      for n in 1 2 3; do seq $n > count; echo $n > n$n; git add .; git commit -qm "count $n"; done
      git format-patch -q --stdout HEAD~2 > patches; git checkout -q -b patched HEAD~2; git am -q patches; git log --format=%s -3`);
    await mirror.both(`
      git am -q patches > said 2>&1 || git am --abort; git diff HEAD~1 > back; git apply -R --index back; git status -s
      git reset -q --hard; rm -f back patches said`);
    await mirror.both(`
      git checkout -q topic; echo fixed > fixed; git add fixed; git commit -q --fixup HEAD~1
      GIT_SEQUENCE_EDITOR=: git rebase -q -i --autosquash HEAD~4; git log --format=%s --stat -3`);
    await mirror.both(`
      git bisect start HEAD HEAD~3 > said; git bisect run sh -c '! grep -q 2 count' > said 2>&1; grep 'first bad' said
      rm said; git bisect reset 2>&1 | tail -n 1`);
    await mirror.both(`
      git merge -q -s ours -m ours patched; git revert --no-edit HEAD~1 > said; git cherry-pick -n main~1 || git status -s
      git reset -q --hard; rm said; git checkout -q main; git merge -q --squash patched; git status -s; git reset -q --hard
      git rebase -q --onto main~1 main patched; git log --format=%s -2`);
    await mirror.settled();
    await mirror.same("the base has followed");
  });

  test("sparse trees, linked trees, submodules, hooks, clones of it, packs", async () => {
    mirror = await Mirror.ofNew(lab);
    await mirror.both("git sparse-checkout set src/part-1; ls; ls src; git status -s");
    await mirror.remount();
    await mirror.both(
      "git sparse-checkout disable; ls; git config --unset core.sparseCheckout || :; git status -s",
    );
    await mirror.both(`
      w=$(mktemp -d); git worktree add -q "$w/linked" HEAD~1
      (cd "$w/linked" || exit 1; git status -s; ls; echo x > x; git add x; git commit -qm linked); git worktree remove "$w/linked"
      git clone -q . "$w/copy"; ls "$w/copy"; git -C "$w/copy" log --format=%s; rm -rf "$w"`);
    await mirror.both(`
      h=$(git rev-parse --git-dir)/hooks; mkdir -p "$h"; printf '#!/bin/sh\\necho > by-hook; git add by-hook\\n' > "$h/pre-commit"
      chmod +x "$h/pre-commit"; echo x > hooked; git add hooked; git commit -qm hooked; git show --stat --format=%s
      printf '#!/bin/sh\\nexit 1\\n' > "$h/pre-commit"
      if git commit -q --allow-empty -m refused; then echo taken; else echo refused; fi; rm "$h/pre-commit"`);
    const allowed = "git -c protocol.file.allow=always submodule --quiet";
    await mirror.both(`
      ${allowed} add '${mirror.origin}' sub; git commit -qm sub; git submodule status sub; cat sub/README.md
      echo x >> sub/README.md; git status -s; git -C sub checkout -q .; ${allowed} deinit -f sub; ls -A sub
      ${allowed} update --init sub; git -C sub status -s`);
    await mirror.remount();
    await mirror.both(`
      git -C sub log --format=%s -1; git checkout -q HEAD~1 2>&1; git status -s; git checkout -q main; git submodule status sub
      git rm -qf sub; git commit -qm gone; ls`);
    await mirror.both(
      "git repack -adq; git gc -q --prune=now; git reflog expire --expire=now --all; git log --format=%s -2",
    );
    await mirror.remount();
    await mirror.both(`
      git push -q origin HEAD:refs/heads/sent HEAD:refs/tags/sent
      git push -q --force-with-lease origin HEAD~1:refs/heads/sent; git ls-remote origin; git branch -r
      git push -q --delete origin refs/heads/sent refs/tags/sent; git fetch -q --prune --tags; git branch -r`);
  });
});
