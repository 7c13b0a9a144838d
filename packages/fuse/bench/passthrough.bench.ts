/** 512 MiB, read one after the other: a native file, through a mount that tells of it, and through one that does not. Needs root. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { Lab, run, whyNot } from "../test/mount/lab.ts";

const ROUNDS = 5;
const MEBIBYTES = 512;
const module = new URL("../test/mount/native-file-system.ts", import.meta.url);

async function seconds(file: string): Promise<number> {
  const startedAt = performance.now();
  await run("dd", [`if=${file}`, "of=/dev/null", "bs=1M", "status=none"]);
  return (performance.now() - startedAt) / 1000;
}

const missing = whyNot();
if (missing !== undefined) throw new Error(missing);
const lab = new Lab();
try {
  const folder = lab.folder();
  const native = join(folder, "file");
  await run("dd", ["if=/dev/urandom", `of=${native}`, "bs=1M", `count=${MEBIBYTES}`, "status=none"]);
  const taken: Record<string, number[]> = { native: [], passthrough: [], "through us": [] };
  // The file's pages stay in memory; those of the mounts go with them.
  await seconds(native);
  for (let round = 0; round < ROUNDS; round++) {
    taken.native?.push(await seconds(native));
    for (const passthrough of [true, false]) {
      const mounted = await lab.mount({ module, data: { folder, passthrough } });
      if (mounted.passthrough !== passthrough) throw new Error("This kernel or user has no passthrough");
      taken[passthrough ? "passthrough" : "through us"]?.push(await seconds(join(mounted.directory, "file")));
      await mounted.unmount();
    }
  }
  console.log(`${MEBIBYTES} MiB (${statSync(native).size} bytes), median of ${ROUNDS}`);
  for (const [name, all] of Object.entries(taken)) {
    const median = all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN;
    console.log(`${name}: ${median.toFixed(3)} s, ${(MEBIBYTES / 1024 / median).toFixed(1)} GiB/s`);
  }
} finally {
  await lab.end();
}
