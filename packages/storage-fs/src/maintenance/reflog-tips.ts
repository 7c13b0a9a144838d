import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { isOid, type ObjectFormat, type Oid, type OperationOptions, zeroOid } from "@millrace/pack";
import { ifPresent } from "../files/fault.ts";
import type { Place } from "../place.ts";

/** What refs have pointed to, as far as their logs tell it (gitrepository-layout, "logs"). */
export async function* reflogTips(
  { commonDir }: Place,
  format: ObjectFormat,
  { signal }: OperationOptions,
): AsyncGenerator<Oid> {
  const zero = zeroOid(format);
  for await (const path of filesUnder(join(commonDir, "logs"))) {
    const stream = createReadStream(path, { encoding: "latin1", signal });
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      for (const oid of line.slice(0, 2 * zero.length + 1).split(" ")) {
        if (oid !== zero && isOid(oid, format)) yield oid;
      }
    }
  }
}

async function* filesUnder(folder: string): AsyncGenerator<string> {
  for (const entry of (await ifPresent(readdir(folder, { withFileTypes: true }))) ?? []) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesUnder(path);
    else if (entry.isFile()) yield path;
  }
}
