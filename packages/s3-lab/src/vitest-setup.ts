import type { TestProject } from "vitest/node";
import { type Lab, openLab } from "./lab.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where the lab of this run answers. */
    s3Lab: string;
  }
}

/** Each project has a copy of this module: the process holds the one lab and how many projects use it. */
const shared = globalThis as { millraceLab?: { opening: Promise<Lab>; users: number } };

/** For vitest's `globalSetup`: one lab for all projects of a run. It starts nothing before a test asks for it. */
export async function setup(project: TestProject): Promise<void> {
  shared.millraceLab ??= { opening: openLab(), users: 0 };
  shared.millraceLab.users++;
  project.provide("s3Lab", (await shared.millraceLab.opening).url);
}

/** Ends what was started, with the last project; says so where tests ran on no real store. */
export async function teardown(): Promise<void> {
  const lab = shared.millraceLab;
  if (lab === undefined || --lab.users > 0) return;
  delete shared.millraceLab;
  const opened = await lab.opening;
  const { standInReason } = opened;
  await opened[Symbol.asyncDispose]();
  if (standInReason !== undefined) process.stderr.write(standInNotice(standInReason));
}

function standInNotice(reason: string): string {
  return `
*** The tests over buckets ran on the project's own small S3 server, and on no real store: ${reason}.
*** A real one is asked with MILLRACE_S3_ENDPOINT=<url> AWS_ACCESS_KEY_ID=<key> AWS_SECRET_ACCESS_KEY=<secret> pnpm test

`;
}
