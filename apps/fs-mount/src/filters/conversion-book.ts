import { createHash, randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import type { Oid } from "@millrace/pack";
import { isContentId } from "./content-id.ts";

/** What a conversion has made. */
export interface Converted {
  /** What its id would be as a blob of git: by that the cache has it. `undefined` where it was not made, but its size is known. */
  readonly oid: Oid | undefined;
  readonly sizeBytes: number;
}

/** Entries of one book; of more, those learnt first are forgotten. */
const MAX_ENTRIES = 1_000_000;
const LINE = /^([0-9a-f]{40,64}|-) (\d{1,16}) (.+)$/;

/** What contents become in a checkout, by their ids (`content-id.ts`): known again after a restart. */
export class ConversionBook {
  readonly #entries = new Map<Oid, Converted>();
  #isChanged = false;

  get(id: Oid): Converted | undefined {
    return this.#entries.get(id);
  }

  learn(id: Oid, converted: Converted): void {
    const before = this.#entries.get(id);
    if (before?.oid === converted.oid && before?.sizeBytes === converted.sizeBytes) return;
    this.#isChanged = true;
    this.#entries.set(id, converted);
    if (this.#entries.size > MAX_ENTRIES) this.#entries.delete(this.#entries.keys().next().value!);
  }

  /** Learns what a file says that `save` has written; one that is damaged or not there says nothing. */
  async load(path: string): Promise<void> {
    const text = await readFile(path, "utf8").catch(() => "");
    const end = text.lastIndexOf("\n", text.length - 2) + 1;
    const body = text.slice(0, end);
    if (text.slice(end) !== `${sumOf(body)}\n`) return;
    for (const line of body.split("\n")) {
      const [, oid, sizeBytes, id] = LINE.exec(line) ?? [];
      if (isContentId(id))
        this.learn(id, { oid: oid === "-" ? undefined : oid, sizeBytes: Number(sizeBytes) });
    }
    this.#isChanged = false;
  }

  /** Writes all of it into a file, aside and renamed, unless nothing was learnt since: a line each, a checksum last. Throws what the disk says. */
  async save(path: string): Promise<void> {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const lines: string[] = [];
    for (const [id, { oid, sizeBytes }] of this.#entries) lines.push(`${oid ?? "-"} ${sizeBytes} ${id}\n`);
    const body = lines.join("");
    const aside = `${path}.${randomUUID()}.new`;
    try {
      await writeFile(aside, `${body}${sumOf(body)}\n`, { mode: 0o600 });
      await rename(aside, path);
    } catch (error) {
      this.#isChanged = true;
      await rm(aside, { force: true });
      throw error;
    }
  }
}

function sumOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
