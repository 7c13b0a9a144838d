import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Numbers from 0 to below 1 that a seed gives, the same every time (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Paths {
  readonly files: string[];
  readonly directories: string[];
}

/** What is in a plain folder, but for git's own. */
function pathsIn(folder: string): Paths {
  const found: Paths = { files: [], directories: [] };
  const walk = (prefix: string): void => {
    for (const entry of readdirSync(join(folder, prefix), { withFileTypes: true })) {
      if (entry.name === ".git") continue;
      const path = prefix + entry.name;
      if (!entry.isDirectory()) found.files.push(path);
      else {
        found.directories.push(path);
        walk(`${path}/`);
      }
    }
  };
  walk("");
  found.files.sort();
  found.directories.sort();
  return found;
}

const NAMES = ["a", "b", "c", "d.txt", "e f", "g", "README.md", "src"];

/** Makes up what might be done next in a working tree, as scripts. What they do must not depend on the time or the place. */
export class RandomSteps {
  readonly #random: () => number;
  readonly #folder: string;
  #number = 0;

  /** @param folder a plain folder that is as the others are, in which paths are looked up */
  constructor(seed: number, folder: string) {
    this.#random = randomOf(seed);
    this.#folder = folder;
  }

  next(): string {
    this.#number++;
    return this.#random() < 0.6 ? this.#onFiles() : this.#withGit();
  }

  #onFiles(): string {
    const paths = pathsIn(this.#folder);
    const file = (): string => quoted(this.#of(paths.files) ?? "none");
    const directory = (): string => this.#of(["", ...paths.directories.map((path) => `${path}/`)]) ?? "";
    const fresh = (): string => quoted(`${directory()}${this.#of(NAMES)}`);
    const text = `text ${this.#number % 5} ${Math.floor(this.#random() * 3)}`;
    const size = Math.floor(this.#random() * 9000);
    return this.#of([
      () => `echo '${text}' > ${fresh()}`,
      () => `echo '${text}' > ${file()}`,
      () => `echo '${text}' >> ${file()}`,
      () => `seq ${size} > ${fresh()}`,
      () => `truncate -s ${size} ${file()}`,
      () => `printf '${text}' | dd of=${file()} bs=1 seek=${size % 300} conv=notrunc status=none`,
      () => `cp ${file()} ${fresh()}`,
      () => `rm -f ${file()}`,
      () => `mkdir ${fresh()}`,
      () => `mkdir -p ${fresh()}/x/y && echo '${text}' > ${fresh()}`,
      () => `rmdir ${quoted(directory())}`,
      () => `rm -rf ${fresh()}`,
      () => `mv ${file()} ${fresh()}`,
      () => `mv -T ${file()} ${file()}`,
      () => `mv ${quoted(directory())} ${fresh()}`,
      () => `rm -rf .copy; cp -a -T ${quoted(directory())} .copy && mv .copy ${fresh()}; rm -rf .copy`,
      () => `ln -s '${this.#of(NAMES)}' ${fresh()}`,
      () => `ln ${file()} ${fresh()}`,
      () => `chmod ${this.#of(["644", "755", "600"])} ${file()}`,
      () => `sed -i 's/text/word/' ${file()}`,
      () => `f=${file()}; touch -d '2001-02-03 04:05:06.789' "$f"; stat -L -c '%Y' "$f"`,
      () => `echo '${text}' > .new && mv .new ${file()}`,
      () => `cat ${file()} | sha1sum; readlink ${file()}; wc -c ${file()}`,
      () => `f=${file()}; exec 3<> "$f"; rm -f "$f"; echo '${text}' >&3; sha1sum < /dev/fd/3`,
    ])!();
  }

  #withGit(): string {
    const paths = pathsIn(this.#folder);
    const file = (): string => quoted(this.#of(paths.files) ?? "none");
    const branch = (): string => this.#of(["main", "one", "two", "three"]) ?? "main";
    const back = 1 + Math.floor(this.#random() * 3);
    const commit = `git commit -qm 'number ${this.#number}'`;
    return this.#of([
      () => "git add -A",
      () => `git add ${file()}`,
      () => `git add -A; ${commit}`,
      () => `git add -A; ${commit}`,
      () => `${commit} -a`,
      () => `${commit} --allow-empty; git reset -q --soft HEAD~1`,
      () => `git reset -q --${this.#of(["soft", "mixed", "hard", "keep", "merge"])} HEAD~${back}`,
      () => `git reset -q ${file()}`,
      () => `git checkout -q -b ${branch()}`,
      () => `git checkout -q ${branch()} --`,
      () => `git checkout -q -f ${branch()} --`,
      () => `git checkout -q HEAD -- ${file()}`,
      () => `git restore ${file()}`,
      () => `git mv ${file()} ${quoted(this.#of(NAMES)!)}`,
      () => `git rm -q ${file()}`,
      () => "git stash push -q --include-untracked",
      () => "git stash push -q",
      () => "git stash pop -q",
      () => `git merge -q -m merged ${branch()} || git merge --abort`,
      () => `git rebase -q ${branch()} || git rebase --abort`,
      () => `git cherry-pick ${branch()} > /dev/null || git cherry-pick --abort`,
      () => "git revert --no-edit HEAD > /dev/null || git revert --abort",
      () => `${commit} --amend -a`,
      () => `git clean -fdq${this.#of(["", "x"])}`,
      () => `git branch -f ${branch()} HEAD~${back}`,
      () => "git pack-refs --all",
      () => "git gc -q --prune=now",
      () => `git update-ref refs/heads/main HEAD~${back}`,
    ])!();
  }

  #of<T>(choices: readonly T[]): T | undefined {
    return choices[Math.floor(this.#random() * choices.length)];
  }
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
