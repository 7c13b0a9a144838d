import { expect, test } from "vitest";
import { useLab } from "../support/lab.ts";
import { Mirror } from "../support/mirror.ts";
import { git } from "../support/repository.ts";

const lab = useLab();
let mirror: Mirror;

test("files that are open, and folders one stands in, stay what they are while git changes what has their names", async () => {
  mirror = await Mirror.ofNew(lab);
  await mirror.both(`
    git checkout -q -b side; echo side > README.md; git rm -qr src/part-1; git commit -qam side; git checkout -q main
    exec 3< README.md 4<> run.sh 5< src/part-1/file-1.c
    git checkout -q side; cat README.md; echo more >&4; cat run.sh; cat <&3; sha1sum <&5; git status -s`);
  await mirror.both(`
    git checkout -q main; cd src/part-1; git checkout -q side 2>&1; pwd | sed 's,.*/src,src,'; ls; cd ../..
    git checkout -q main; ls src; exec 3< src/part-1/file-1.c; rm -rf src/part-1; git checkout -q -- src; sha1sum <&3`);
});

test("names of all bytes, long ones, deep folders and long links are pushed from a mount and shown by the next one", async () => {
  mirror = await Mirror.ofNew(lab);
  await mirror.both(String.raw`
    mkdir odd; cd odd
    for each in 'a\0377b' '\0303\0050' 'tab\tnewline\nend' ' blank ' '-dash' 'quo"te' 'back\\slash' '*' '$HOME' '\0001' 'a:b' 'git~2'; do
      printf '%b' "$each" > .name; n=$(cat .name; echo .); n=${"$"}{n%.}; echo "$each" > "./$n"; rm .name
    done
    long=$(seq -s '' 200 | cut -c 1-255); echo long > "$long"; (echo x > "$long"0) 2>&1 || echo refused
    deep=$(printf 'deep/%.0s' $(seq 60)); mkdir -p "$deep"; echo deep > "$deep/file"
    ln -s "$(seq -s '' 2000 | cut -c 1-4095)" link; ln -s "$(printf 'a\377')" other; mkdir 'é'; echo é > 'é/è'; cd ..
    git add -A; git commit -qm odd; git ls-files odd | wc -l`);
  await mirror.sh("git push -q origin main");
  expect(git(mirror.origin, ["rev-parse", "main"])).toBe(git(mirror.clone, ["rev-parse", "main"]));
  mirror = await Mirror.open(lab, mirror.origin);
  await mirror.both(
    "find odd | LC_ALL=C sort | sha1sum; readlink odd/link odd/other | sha1sum; git status -s; cat odd/a*",
  );
});

test("folders that move keep apart from like-named neighbours and from what had their name before", async () => {
  mirror = await Mirror.ofNew(lab);
  await mirror.both(`
    mkdir src/part-1x src/part-10; echo x > src/part-1x/x; echo y > src/part-10/y; mv src/part-1 src/moved
    ls src src/part-1x src/part-10; git status -s; mv src/moved src/part-1; git status -s`);
  await mirror.both(`
    mv src/part-1 src/once; mv src/once src/twice; mv src/twice/file-1.c src; mkdir src/part-1; echo new > src/part-1/file-1.c
    git add -A; git status -s; git commit -qm moved; git log --stat --format=%s -M -1`);
  await mirror.settled();
  await mirror.both(`
    mv src outer; mkdir src; mv outer src/inner; git status -s | head -n 3; git checkout -q .; rm -rf src/inner; git status -s
    mkdir -m 0 closed; stat -c %a closed; rmdir closed; echo a > a; mv a b; rm b; mv README.md c; mv c README.md; git status -s`);
  await mirror.remount();
  await mirror.both("git status -s; git checkout -q HEAD~1; git checkout -q main");
});

test("many files come and go, written by many at once and removed while they are listed", async () => {
  mirror = await Mirror.ofNew(lab);
  await mirror.both(`
    mkdir many; cd many; seq 1500 | xargs touch; ls | wc -l; find . -type f -name '*7*' -delete; ls | wc -l
    for n in 1 2 3 4; do (for m in $(seq 100); do echo "$n $m" >> shared; done) & done; wait; sort -o shared shared; sha1sum shared
    for n in 1 2 3 4; do (for m in $(seq 40); do echo "$n" > "new.$n"; mv "new.$n" one; cat one; done) & done |
      sed 's/^[1-4]$/whole/' | sort | uniq -c; wait
    wc -c one; rm one; git add .; git status -s | wc -l; git commit -qam many; cd ..; rm -rf many; git status -s | wc -l
    git checkout -q -- many; git status -s; ls many | wc -l; rm -r many/1*; ls many | wc -l`);
});
