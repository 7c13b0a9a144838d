import { readFileSync } from "node:fs";
import type { ZodType } from "zod";
import { writeDurably } from "./durable-file.ts";
import { MountError } from "./errors.ts";

/**
 * Reads a file of JSON that `writeState` has written; `undefined` where there is none.
 * @throws MountError MOUNT_BAD_STATE where it is damaged; what the disk says
 */
export function readState<T>(file: string, schema: ZodType<T>): T | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new MountError("MOUNT_BAD_STATE", `${file} is damaged, or of a newer version`, { cause });
  }
}

/** Writes it as `writeDurably` does. */
export function writeState(file: string, content: object): void {
  writeDurably(file, `${JSON.stringify(content, undefined, 2)}\n`);
}
