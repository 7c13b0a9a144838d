import { resolve } from "node:path";
import { stat } from "node:fs/promises";
import type { Storage } from "@millrace/storage";
import { openBucketStore } from "@millrace/storage-s3";
import { openFsStorage } from "@millrace/storage-fs";
import { z } from "zod";
import { migrateRepository, type Migrated } from "../migrate/migrate-repository.ts";

/** The command line of `millrace migrate`, as text. */
export interface MigrateFlags {
  readonly repository?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

const Flags = z.object({
  repository: z.string().min(1).optional(),
  endpoint: z.url().optional(),
  dryRun: z.boolean().optional(),
});

/**
 * Copies one repository, or all of them one after another, from a folder or a bucket to another, and tells of each in a
 * line. What is at the target already is compared and left. Answers the exit status: 1 where one could not be copied.
 */
export async function migrate(from: string, to: string, flags: MigrateFlags): Promise<number> {
  const { repository, endpoint, dryRun = false } = Flags.parse(flags);
  const source = await openPlace(from, endpoint, true);
  try {
    const target = await openPlace(to, endpoint, false);
    try {
      return await copyEach(source, target, repository, dryRun);
    } finally {
      await target[Symbol.asyncDispose]();
    }
  } finally {
    await source[Symbol.asyncDispose]();
  }
}

async function copyEach(
  source: Storage,
  target: Storage,
  repository: string | undefined,
  dryRun: boolean,
): Promise<number> {
  let status = 0;
  for await (const name of repository === undefined ? source.list() : [repository]) {
    try {
      process.stdout.write(
        `${name}: ${describe(await migrateRepository(source, target, name, { dryRun }))}\n`,
      );
    } catch (error) {
      status = 1;
      process.stderr.write(`error: ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  return status;
}

async function openPlace(place: string, endpoint: string | undefined, isSource: boolean): Promise<Storage> {
  if (place.startsWith("s3://"))
    return openBucketStore({ store: place, endpoint, isOnlyRead: isSource }, undefined, process.env);
  const root = resolve(place);
  if (isSource && !(await stat(root)).isDirectory()) throw new Error(`${root} is no folder`);
  return openFsStorage({ root });
}

function describe(migrated: Migrated): string {
  if (migrated.kind === "there") return "is there already";
  const { packs, bytes, refs } = migrated;
  const what = `${refs} refs, ${packs} packs of ${bytes} bytes`;
  return migrated.kind === "copied" ? `copied and compared: ${what}` : `would copy ${what}`;
}
