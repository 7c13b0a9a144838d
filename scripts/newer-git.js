/**
 * Prints the path of a git that knows ref tables (2.45 and newer), for the tests that ask one: `MILLRACE_NEWER_GIT`, the
 * installed git if it is new enough, else one out of Debian's packages, unpacked beside the system once (12 MB, no root
 * needed). Where none of these can be had it prints nothing and tells why on standard error.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const SUITE = "trixie";
const PACKAGES = ["git", "libc6", "zlib1g", "libpcre2-8-0"];
const KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg";
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "millrace");

/** What git's programs are called by other programs as. */
const PROGRAMS = ["git-upload-pack", "git-receive-pack", "git-upload-archive"];

function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", ...options });
  if (error || status !== 0) throw new Error(`${command} ${args[0]}: ${error?.message ?? stderr.trim()}`);
  return stdout.trim();
}

function knowsRefTables(git) {
  const { status } = spawnSync(git, ["refs", "-h"], { encoding: "utf8" });
  return status === 129;
}

/** Debian's archive as this machine reaches it. */
function archive() {
  const uris = spawnSync("apt-get", ["indextargets", "--format", "$(REPO_URI)", "Origin: Debian"], {
    encoding: "utf8",
  });
  return uris.stdout?.split("\n").find((uri) => /\/debian\/?$/.test(uri)) || "http://deb.debian.org/debian";
}

/** Unpacks the packages and writes programs that run them with their own libraries. */
function unpack(target) {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "newer-git-"));
  try {
    for (const path of ["state/lists/partial", "cache/archives/partial", "debs", "bin"]) {
      mkdirSync(join(folder, path), { recursive: true });
    }
    writeFileSync(join(folder, "state/status"), "");
    writeFileSync(join(folder, "sources.list"), `deb [signed-by=${KEYS}] ${archive()} ${SUITE} main\n`);
    const settings = {
      "Dir::State": join(folder, "state"),
      "Dir::State::status": join(folder, "state/status"),
      "Dir::Cache": join(folder, "cache"),
      "Dir::Etc::SourceList": join(folder, "sources.list"),
      "Dir::Etc::SourceParts": "/dev/null",
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    run("apt-get", [...options, "update"]);
    run("apt-get", [...options, "download", ...PACKAGES], { cwd: join(folder, "debs") });
    for (const file of readdirSync(join(folder, "debs"))) {
      run("dpkg-deb", ["-x", join(folder, "debs", file), join(folder, "root")]);
    }
    for (const left of ["state", "cache", "debs", "sources.list"]) {
      rmSync(join(folder, left), { recursive: true });
    }
    writeProgram(join(folder, "bin/git"), gitProgram());
    for (const name of PROGRAMS) {
      writeProgram(join(folder, "bin", name), `exec "$(dirname "$0")/git" ${name.slice("git-".length)} "$@"`);
    }
    // Another test may have been quicker.
    if (!existsSync(target)) renameSync(folder, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeProgram(path, line) {
  writeFileSync(path, `#!/bin/sh\n${line}\n`);
  chmodSync(path, 0o755);
}

function gitProgram() {
  return [
    'here=$(cd "$(dirname "$0")" && pwd)',
    'usr="$here/../root/usr"',
    // What git runs must be run the same way.
    'export GIT_EXEC_PATH="$here" GIT_TEMPLATE_DIR=',
    'exec "$(echo "$usr"/lib*/ld-linux-*.so.*)" --argv0 git \\',
    '  --library-path "$(echo "$usr"/lib/*-linux-gnu*)" "$usr/bin/git" "$@"',
  ].join("\n");
}

function find() {
  const given = process.env.MILLRACE_NEWER_GIT;
  if (given) return given;
  if (knowsRefTables("git")) return "git";
  const target = join(CACHE, `newer-git-of-${SUITE}`);
  if (!existsSync(target)) unpack(target);
  const git = join(target, "bin/git");
  if (!knowsRefTables(git)) throw new Error(`${git} does not run`);
  return git;
}

try {
  console.log(find());
} catch (error) {
  console.error(`no git that knows ref tables: ${error.message}`);
}
