/** The memory file system behind a mount, beside a native folder: what programs wait for, in seconds. Needs root. */
import { Lab, run, whyNot } from "../test/mount/lab.ts";

const ROUNDS = 5;
/** Each is a line of shell that runs in the folder; `drop` makes the next one read from the file system. */
const works: readonly (readonly [name: string, line: string])[] = [
  ["write 256 MiB", "dd if=/dev/zero of=large bs=1M count=256 status=none"],
  ["read them, page cache dropped", "dd if=large of=/dev/null bs=1M status=none"],
  ["make 2,000 files", "mkdir -p small; i=0; while [ $i -lt 2000 ]; do echo $i > small/$i; i=$((i+1)); done"],
  ["ls -l of them", "ls -l small > /dev/null"],
  ["read them all", "cat small/* > /dev/null"],
  ["rm -r of them", "rm -r small"],
];

async function timed(directory: string): Promise<number[]> {
  const seconds: number[] = [];
  for (const [name, line] of works) {
    if (name.includes("dropped")) await run("sh", ["-c", "sync; echo 3 > /proc/sys/vm/drop_caches"]);
    const startedAt = performance.now();
    await run("sh", ["-c", line], { cwd: directory });
    seconds.push((performance.now() - startedAt) / 1000);
  }
  return seconds;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const missing = whyNot();
if (missing !== undefined) throw new Error(missing);
const lab = new Lab();
try {
  const native = lab.folder();
  const { directory } = await lab.mount();
  const rounds: (readonly [number[], number[]])[] = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push([await timed(directory), await timed(native)]);
  console.log("| what | mount | native |\n|---|---|---|");
  for (const [at, [name]] of works.entries()) {
    const cells = [0, 1].map((side) =>
      median(rounds.map((round) => round[side as 0 | 1][at] ?? 0)).toFixed(2),
    );
    console.log(`| ${name} | ${cells.join(" s | ")} s |`);
  }
} finally {
  await lab.end();
}
