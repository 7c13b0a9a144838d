/**
 * Enumerates everything that a repository's refs reach, as `git rev-list --objects --all`, as often as is asked for.
 * Argument: an `EnumerationOrder` in JSON; prints an `EnumerationReport`.
 */
import { writeFile } from "node:fs/promises";
import { enumerateObjects, openRepository } from "@millrace/repository";
import { openFsRepository } from "@millrace/storage-fs";
import type { EnumerationOrder, EnumerationReport } from "./enumeration-report.ts";

const { path, cacheFolder, calls, buildGraphs, list } = JSON.parse(process.argv[2] ?? "") as EnumerationOrder;
const seconds: number[] = [];
let objects = 0;

let startedAt = performance.now();
const store = await openFsRepository(path, { cacheFolder });
const repository = openRepository(store);
if (buildGraphs) await repository.buildGraphs();
for (let call = 0; call < calls; call++) {
  if (call > 0) startedAt = performance.now();
  const view = await repository.openView();
  const wants: string[] = [];
  for await (const { oid } of view.listRefs()) wants.push(oid);
  const { numbers, table } = await enumerateObjects(await view.objects(), { wants, haves: [] });
  objects = numbers.length;
  seconds.push((performance.now() - startedAt) / 1000);
  if (list !== undefined) {
    const oids = Array.from(numbers, (number) => table.oidAt(number));
    await writeFile(list, `${oids.join("\n")}\n`);
  }
  await view[Symbol.asyncDispose]();
}
await repository[Symbol.asyncDispose]();
await store[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify({ seconds, objects } satisfies EnumerationReport));
