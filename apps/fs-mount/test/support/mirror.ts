import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { run } from "@millrace/git-lab";
import type { RepositoryMountOptions } from "../../src/mount-repository.ts";
import type { Lab, MountedRepository } from "./lab.ts";
import { git, GIT_ENVIRONMENT, makeRepository } from "./repository.ts";

/** How a program ended. */
export interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** How long a mount may take to follow `HEAD`, in milliseconds. */
const SETTLED_MS = 20_000;

/**
 * All that shows in a working tree, with contents and modes, and what git says of it: as it was told what has changed, and when it looks
 * at everything. The second leaves the index alone, in which the first goes on from one time to the next.
 */
const SHOWN = `
find . -name .git -prune -o -printf '%y %m %P %l\\n' | grep -v '^d [0-7]* $' | LC_ALL=C sort
find . -name .git -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha1sum
echo "-- told"; git status --porcelain=v2 --branch
echo "-- status"; git --no-optional-locks -c core.fsmonitor=false status --porcelain=v2 --branch
echo "-- index"; git ls-files --stage
echo "-- head"; git rev-parse -q --verify HEAD; git symbolic-ref -q HEAD || true
`;

/** A mount, and a plain clone of the same repository in which the same is done. */
export class Mirror {
  readonly origin: string;
  readonly clone: string;
  readonly #lab: Lab;
  readonly #options: Partial<RepositoryMountOptions>;
  #mounted: MountedRepository;

  private constructor(
    lab: Lab,
    origin: string,
    clone: string,
    options: Partial<RepositoryMountOptions>,
    mounted: MountedRepository,
  ) {
    this.#lab = lab;
    this.origin = origin;
    this.clone = clone;
    this.#options = options;
    this.#mounted = mounted;
  }

  static async open(lab: Lab, origin: string): Promise<Mirror> {
    const clone = `${lab.folder()}/clone`;
    git("/", ["clone", "-q", origin, clone]);
    const options = lab.folders();
    const mounted = await lab.mountRepository(origin, options);
    return new Mirror(lab, origin, clone, options, mounted);
  }

  /** The same of a new repository, which takes pushes. */
  static async ofNew(lab: Lab): Promise<Mirror> {
    const origin = lab.keep(makeRepository());
    git(origin, ["config", "receive.denyCurrentBranch", "ignore"]);
    return await Mirror.open(lab, origin);
  }

  get mounted(): MountedRepository {
    return this.#mounted;
  }

  /** Runs a script in both, and wants the same to come out. @returns what came out of the mount */
  async sh(script: string): Promise<Ended> {
    const { directory, mounted } = this.#mounted;
    return await runInBoth(script, { directory, gitDirectory: mounted.gitDirectory }, this.clone);
  }

  /** Runs git in both, and wants success and then the same files, index and status. @returns what it said */
  async git(...args: string[]): Promise<string> {
    const script = `git ${args.map((arg) => `'${arg.replaceAll("'", String.raw`'\''`)}'`).join(" ")}`;
    const { status, out, err } = await this.sh(script);
    assert.equal(status, 0, `${script}: ${err}`);
    await this.same(script);
    return out;
  }

  /** Runs a script in both that ends with its first failure, and wants success, the same files and no fault. @returns what it said */
  async both(script: string): Promise<string> {
    const { status, out, err } = await this.sh(`set -e\n${script}`);
    assert.equal(status, 0, `${script}: ${err}`);
    await this.same(script);
    assert.deepEqual(this.#mounted.faults, []);
    return out;
  }

  /** Wants both to show the same. */
  async same(after = ""): Promise<void> {
    await wantSame(this.#mounted.directory, this.clone, after);
  }

  /** Waits until the mount's base is what `HEAD` has. */
  async settled(): Promise<void> {
    const { mounted, directory } = this.#mounted;
    const { out } = await runShell("git rev-parse 'HEAD^{tree}'", directory);
    const until = Date.now() + SETTLED_MS;
    while ((await mounted.state())?.tree !== out.trim()) {
      assert.ok(Date.now() < until, "the mount does not follow HEAD");
      await setTimeout(10);
    }
  }

  /** Unmounts, and mounts again what is kept. */
  async remount(): Promise<void> {
    assert.deepEqual(this.#mounted.faults, []);
    await this.#mounted.mounted.unmount();
    this.#mounted = await this.#lab.mountRepository(this.origin, this.#options);
    await this.same("mounted again");
  }
}

/** Where a mount is, and its git directory. */
export interface MountPlaces {
  readonly directory: string;
  readonly gitDirectory: string;
}

/** Runs a script in a mount and in a clone, and wants the same to come out. @returns what came out of the mount */
export async function runInBoth(script: string, mount: MountPlaces, clone: string): Promise<Ended> {
  // One after the other: both may push to the same place.
  const inside = await runShell(script, mount.directory);
  const beside = await runShell(script, clone);
  const told = ({ status, out, err }: Ended): string =>
    `${script}: ${status}\n${out}${status === 0 ? "" : err}`;
  const neutral = (text: string, ...places: string[]): string =>
    places.reduce((neutralised, place) => neutralised.replaceAll(place, "HERE"), text);
  assert.equal(
    neutral(told(inside), mount.gitDirectory, mount.directory),
    neutral(told(beside), `${clone}/.git`, clone),
  );
  return inside;
}

/** Wants a mount and a clone to show the same. */
export async function wantSame(directory: string, clone: string, after: string): Promise<void> {
  const [inside, beside] = await Promise.all([runShell(SHOWN, directory), runShell(SHOWN, clone)]);
  if (inside.out === beside.out) return;
  const [here, there] = [inside.out.split("\n"), beside.out.split("\n")];
  const only = (lines: string[], others: string[]): string =>
    lines.filter((line) => !others.includes(line)).join("\n");
  assert.equal(only(here, there), only(there, here), `${after}\n${inside.err}`);
  assert.deepEqual(here, there, after);
}

/** Runs a script in a folder, which may be a mount of this process: nothing of this process changes into it. */
export async function runShell(script: string, directory: string, timeoutMs = 120_000): Promise<Ended> {
  const options = { cwd: directory, env: GIT_ENVIRONMENT, timeoutMs };
  const { status, stdout, stderr } = await run("sh", ["-c", script], options);
  return { status, out: stdout.toString("latin1"), err: stderr.toString("latin1") };
}
