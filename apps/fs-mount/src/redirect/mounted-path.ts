import { basename, dirname, join } from "node:path";
import { FuseError } from "@millrace/fuse";
import { listMounts } from "../mount-table.ts";
import { MountError } from "../errors.ts";
import { isWithin } from "../path-below.ts";
import { runScript } from "./run-script.ts";

/** What is at a path of a mount. */
export type FoundThere =
  | { readonly kind: "absent" | "empty" | "full" | "file" }
  /** A symbolic link. */
  | { readonly kind: "link"; readonly target: string };

/** Whether that is content of its own, or a link that leads to no such folder. */
export function isOther(found: FoundThere, folder: string): boolean {
  if (found.kind === "link") return found.target !== folder;
  return found.kind === "file" || found.kind === "full";
}

interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether directories on the way are made. Default false. */
  readonly make?: boolean | undefined;
  /** Whether one of them may be missing. Default false. */
  readonly mayLack?: boolean | undefined;
}

/** A directory on the way is none, or a symbolic link. */
const NO_DIRECTORY = 20;
/** One is missing. */
const ABSENT = 21;
/** It is a mount no longer: nothing is done to the bare directory. */
const ENDED = 22;
/** Something else has the name that content has to have. */
const TAKEN = 23;
/** What statfs(2) says of such file systems. */
const FUSE_SUPER_MAGIC = "65735546";

/**
 * Goes to the directory above the path, one name after the other, and knows by the kernel's word that it is there: no symbolic link
 * of the repository leads root anywhere else. The process that serves the mount still runs when its root has been entered, so that it is no
 * later mount in which something would be done that nobody waits for. `$name` is the last name, `$make` says whether missing directories are made.
 */
const ENTER = `set -eu
here=$1 parents=$2 name=./$3 make=$4; shift 4
cd -P -- "$here"
read -r _ _ _ parent _ </proc/$$/stat
if [ "$parent" != ${process.pid} ]; then exit ${ENDED}; fi
if [ "$(stat -f -c %t .)" != ${FUSE_SUPER_MAGIC} ]; then exit ${ENDED}; fi
set -f; IFS=/
for part in $parents; do
  here=$here/$part
  if [ -L "./$part" ]; then exit ${NO_DIRECTORY}; fi
  if [ ! -e "./$part" ]; then if [ $make = yes ]; then mkdir -- "./$part"; else exit ${ABSENT}; fi; fi
  if [ ! -d "./$part" ]; then exit ${NO_DIRECTORY}; fi
  cd -P -- "./$part"
  if [ "$(pwd -P)" != "$here" ]; then exit ${NO_DIRECTORY}; fi
done
set +f; unset IFS
`;

const LOOK = `
if [ -L "$name" ]; then echo link; readlink -n -- "$name"
elif [ -d "$name" ]; then if [ -z "$(ls -A -- "$name")" ]; then echo empty; else echo full; fi
elif [ -e "$name" ]; then echo file
else echo absent; fi`;

/** Names, kinds, modes, sizes and times of all that is below a directory, by one number. */
const FINGERPRINT = `find . -mindepth 1 -xdev -printf '%P\\t%y %m %s %T@ %C@ %l\\0' | sort -z | sha256sum`;

/** A path of a mount, beside its own process: another one does what has to be done there. */
export class MountedPath {
  /** All of it. */
  readonly path: string;
  readonly #place: readonly [root: string, parents: string, name: string];
  /** The name beside it under which content stands that is on its way. */
  readonly #aside: string;

  /** @param id what no other path has on its way */
  constructor(root: string, path: string, id: string) {
    this.path = join(root, path);
    const parents = dirname(path);
    this.#place = [root, parents === "." ? "" : parents, basename(path)];
    this.#aside = `./.millrace-${id}`;
  }

  /** What is there. */
  async look(signal?: AbortSignal): Promise<FoundThere> {
    const { status, out, words } = await runScript(ENTER + LOOK, [...this.#place, "no"], signal);
    if (status === ABSENT) return { kind: "absent" };
    if (status !== 0) throw this.#failed(status, words);
    const [kind, target = ""] = out.split("\n");
    return kind === "link" ? { kind, target } : { kind: kind as "absent" | "empty" | "full" | "file" };
  }

  /** A number that another change below it changes. */
  async fingerprint(signal?: AbortSignal): Promise<string> {
    return await this.#run(`cd -P -- "$name"; ${FINGERPRINT}`, [], { signal });
  }

  async fingerprintAside(signal?: AbortSignal): Promise<string> {
    return await this.#run(`cd -P -- "$1"; ${FINGERPRINT}`, [this.#aside], { signal });
  }

  /** Copies what is in it into a folder. */
  async copyTo(folder: string, signal?: AbortSignal): Promise<void> {
    await this.#run(`cp -ax -- "$name/." "$1/"`, [folder], { signal });
  }

  /** Copies what is in a folder to the name beside it, and has it synced. */
  async copyAside(folder: string, signal?: AbortSignal): Promise<void> {
    const script = `mkdir -- "$1"; cp -ax -- "$2/." "$1/"
find "$1" -type f -exec sync -- {} +
sync -- "$1"`;
    await this.#run(script, [this.#aside, folder], { signal, make: true });
  }

  /** Gives it the name beside it. */
  async setAside(): Promise<void> {
    await this.#run(`[ ! -e "$1" ]; mv -T -- "$name" "$1"; sync -- .`, [this.#aside]);
  }

  /**
   * Gives what stands beside it its name, where there is anything; an empty directory may have the name.
   * @throws MountError MOUNT_REDIRECT_FAILED where something else has it, and says where the content is
   */
  async putBack(): Promise<void> {
    const script = `[ -e "$1" ] || exit 0
if [ -L "$name" ] || { [ -e "$name" ] && ! rmdir -- "$name" 2>/dev/null; }; then exit ${TAKEN}; fi
mv -nT -- "$1" "$name"; [ ! -e "$1" ] || exit ${TAKEN}
sync -- .`;
    await this.#run(script, [this.#aside], { mayLack: true });
  }

  /** Takes away what stands beside it. */
  async clearAside(signal?: AbortSignal): Promise<void> {
    await this.#run(`rm -rf --one-file-system -- "$1"; sync -- .`, [this.#aside], { signal, mayLack: true });
  }

  /** Makes a directory, with those above it. One that is there stays. */
  async makeDirectory(): Promise<void> {
    await this.#run(`[ -d "$name" ] || mkdir -- "$name"; sync -- .`, [], { make: true });
  }

  /** Makes a symbolic link, with the directories above it. */
  async makeLink(target: string): Promise<void> {
    await this.#run(`ln -sT -- "$1" "$name"; sync -- .`, [target], { make: true });
  }

  /** Takes the directory away, which is empty, or the link to a folder; what is anything else stays. */
  async removePoint(folder: string): Promise<void> {
    const script = `if [ -L "$name" ]; then if [ "$(readlink -- "$name")" = "$1" ]; then rm -- "$name"; fi
elif [ -d "$name" ] && [ -z "$(ls -A -- "$name")" ]; then rmdir -- "$name"; fi; sync -- .`;
    await this.#run(script, [folder], { mayLack: true });
  }

  /** Mounts a folder over the directory; set-user-id bits and devices count there no more than in the mount. */
  async bind(folder: string): Promise<void> {
    const script = `there=$here/\${name#./}
at() { cd -P -- "$1"; [ "$(pwd -P)" = "$there" ]; }
at "$name"; mount -c --bind -- "$1" .
at "$there"; mount -o remount,bind,nosuid,nodev -- "$there"`;
    await this.#run(script, [folder]);
  }

  /** Whether anything is mounted there. */
  async isBound(): Promise<boolean> {
    return (await listMounts()).some(({ directory }) => directory === this.path);
  }

  /** Whether anything is mounted there or below. */
  async hasMounts(): Promise<boolean> {
    return (await listMounts()).some(({ directory }) => isWithin(directory, this.path));
  }

  /**
   * Takes away what is mounted there; with `lazy` at once, whoever uses it.
   * @throws FuseError FUSE_BUSY
   */
  async unbind(lazy: boolean): Promise<void> {
    const script = `umount -i ${lazy ? "-l" : ""} -- "$1"`;
    const { status, words } = await runScript(script, [this.path]);
    if (status === 0 || !(await this.isBound())) return;
    if (/busy/i.test(words)) throw new FuseError("FUSE_BUSY", `somebody uses ${this.path}: ${words}`);
    throw this.#failed(status, words);
  }

  /** @returns what it says; nothing where a directory on the way is missing and `mayLack` */
  async #run(script: string, args: readonly string[], how: RunOptions = {}): Promise<string> {
    const { signal, make = false, mayLack = false } = how;
    const given = [...this.#place, make ? "yes" : "no", ...args];
    const { status, out, words } = await runScript(ENTER + script, given, signal);
    if (status === ABSENT && mayLack) return "";
    if (status !== 0) throw this.#failed(status, words);
    return out;
  }

  #failed(status: number, words: string): MountError {
    if (status === NO_DIRECTORY) {
      const why = `${this.path} cannot be redirected: what is above it is no directory of the mount`;
      return new MountError("MOUNT_REDIRECT_REFUSED", why);
    }
    if (status === ENDED) return new MountError("MOUNT_NOT_MOUNTED", `${this.path} is in no mount any more`);
    if (status === TAKEN) {
      const aside = join(dirname(this.path), this.#aside);
      const why = `something else is at ${this.path}: its content is in ${aside}; move away what is there, and try again`;
      return new MountError("MOUNT_REDIRECT_FAILED", why);
    }
    const said = words === "" ? `status ${status}` : words;
    return new MountError("MOUNT_REDIRECT_FAILED", `${this.path}: ${said}`);
  }
}

/** The number of `MountedPath.fingerprint` of a folder that is in no mount. */
export async function fingerprintFolder(folder: string, signal?: AbortSignal): Promise<string> {
  const { status, out, words } = await runScript(`set -eu; cd -- "$1"; ${FINGERPRINT}`, [folder], signal);
  if (status !== 0) throw new MountError("MOUNT_REDIRECT_FAILED", `${folder}: ${words}`);
  return out;
}

/** Has all that was written to the disk of a folder be there after a loss of power. */
export async function syncDisk(folder: string, signal?: AbortSignal): Promise<void> {
  const { status, words } = await runScript(`sync -f -- "$1"`, [folder], signal);
  if (status !== 0) throw new MountError("MOUNT_REDIRECT_FAILED", `${folder}: ${words}`);
}
