/**
 * Compiles the kernel (AssemblyScript, kernel/*.ts) to dist/kernel.wasm. Unrolled code and tables are written by
 * kernel/generate/*.js and join the sources as modules in memory.
 * Run as a script it always compiles; `ensureKernel` compiles only where the module is missing or older than a source.
 */
import { mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const sources = join(root, "kernel");
const target = join(root, "dist", "kernel.wasm");

const FLAGS = [
  "--runtime=stub",
  "--optimizeLevel=3",
  "--shrinkLevel=0",
  "--converge",
  "--noAssert",
  "--enable=simd",
  "--initialMemory=16",
  // A page below 4 GiB, so that no end of a range wraps around.
  "--maximumMemory=65535",
  "--use=abort=",
];

/** Compiles the kernel; the module appears whole or not at all, and several processes may do this at once. */
export async function buildKernel() {
  const { default: asc } = await import("assemblyscript/asc");
  const { sha1Conditions } = await import("../kernel/generate/sha1-conditions.js");
  const { sha1Rounds } = await import("../kernel/generate/sha1-rounds.js");
  const { sha1Schedule } = await import("../kernel/generate/sha1-schedule.js");
  const generated = {
    "sha1-conditions.ts": sha1Conditions,
    "sha1-rounds.ts": sha1Rounds,
    "sha1-schedule.ts": sha1Schedule,
  };

  let module;
  let complaints = "";
  const { error } = await asc.main(["index.ts", "--outFile=kernel.wasm", ...FLAGS], {
    readFile(name) {
      const write = generated[basename(name)];
      if (write !== undefined) return write();
      try {
        return readFileSync(join(sources, name), "utf8");
      } catch {
        return null;
      }
    },
    writeFile(_, contents) {
      module = contents;
    },
    listFiles: () => [],
    stderr: {
      write(text) {
        complaints += text;
      },
    },
  });
  if (error || complaints.includes("WARNING")) {
    throw new Error(`the kernel does not compile cleanly\n${complaints}`, { cause: error });
  }
  mkdirSync(join(root, "dist"), { recursive: true });
  const draft = `${target}.${process.pid}`;
  writeFileSync(draft, module);
  renameSync(draft, target);
}

/** Compiles the kernel where that has not been done since its sources changed. */
export async function ensureKernel() {
  const built = statSync(target, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const files = readdirSync(sources, { recursive: true }).map((name) => join(sources, name));
  const isFresh = [...files, fileURLToPath(import.meta.url)].every((file) => statSync(file).mtimeMs <= built);
  if (!isFresh) await buildKernel();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildKernel();
