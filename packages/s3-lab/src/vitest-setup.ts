import type { TestProject } from "vitest/node";
import { openLab } from "./lab.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where the lab of this run answers. */
    s3Lab: string;
  }
}

type Lab = Awaited<ReturnType<typeof openLab>>;

/** Each project has a copy of this module: the process holds the one lab and how many projects use it. */
const shared = globalThis as { millraceLab?: { opening: Promise<Lab>; users: number } };

/** For vitest's `globalSetup`: one lab for all projects of a run. It starts nothing before a test asks for it. */
export async function setup(project: TestProject): Promise<void> {
  shared.millraceLab ??= { opening: openLab(), users: 0 };
  shared.millraceLab.users++;
  project.provide("s3Lab", (await shared.millraceLab.opening).url);
}

/** Ends what was started, with the last project. */
export async function teardown(): Promise<void> {
  const lab = shared.millraceLab;
  if (lab === undefined || --lab.users > 0) return;
  delete shared.millraceLab;
  await (await lab.opening)[Symbol.asyncDispose]();
}
