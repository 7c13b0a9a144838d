import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { BenchCase } from "../bench-case.ts";
import { writeRandomPack } from "../repositories/random-pack.ts";
import { pushSubjects } from "./push.ts";

/** A gigabyte of random blobs in one push: it must not show in the server's memory. */
export const bigPushCase: BenchCase = {
  name: "big-push",
  async *contests(lab) {
    const mebibytes = lab.quick ? 16 : 1024;
    const folder = await lab.folder("big-push");
    const pushed = await writeRandomPack(join(folder, "random.pack"), mebibytes);
    yield { name: `${mebibytes} MiB`, subjects: pushSubjects(lab, pushed) };
    await rm(folder, { recursive: true });
  },
};
