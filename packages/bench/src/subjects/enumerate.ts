/**
 * Enumerates everything that a repository's refs reach, as `git rev-list --objects --all`, as often as is asked for.
 * Arguments: the repository, the number of calls, and a file to list the ids of the last call in. Prints, in JSON, how
 * many seconds each call took and how many objects were found; the first call includes opening the repository.
 */
import { writeFile } from "node:fs/promises";
import { enumerateObjects, openRepository } from "@millrace/repository";
import { openFsRepository } from "@millrace/storage-fs";
import type { EnumerationReport } from "./enumeration-report.ts";

const [path = ".", calls = "1", list] = process.argv.slice(2);
const seconds: number[] = [];
let objects = 0;

let startedAt = performance.now();
const store = await openFsRepository(path);
const repository = openRepository(store);
for (let call = 0; call < Number(calls); call++) {
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
