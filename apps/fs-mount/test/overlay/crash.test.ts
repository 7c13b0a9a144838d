import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_SMALL_BYTES } from "../../src/overlay/small-contents.ts";
import { BASE, type Base, bases, type Operation, operations } from "./operations.ts";
import { ROOT } from "../../src/overlay/overlay-store.ts";
import { BaseObjects, OverlayFiles } from "./overlay-files.ts";

const objects = new BaseObjects();
const tree = objects.add(BASE);
/** What is written over in a file is no part of the journal: a write that is not known to have ended may show its bytes. */
const journaled = operations.filter((operation) => {
  if (operation.kind === "write") return operation.offset + operation.data.length <= MAX_SMALL_BYTES;
  return operation.kind !== "truncate" || operation.sizeBytes <= MAX_SMALL_BYTES;
});

/** What somebody does, or a base that comes below it. */
type Step = Operation | { readonly kind: "reconcile"; readonly base: Base };
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: journaled },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reconcile" as const), base: bases }) },
);

/** Runs steps, and takes the folder as a process leaves it that ends in their midst. */
async function interrupted(
  sequence: readonly Step[],
  folder: string,
): Promise<{ states: string[]; at: string; journal: string }> {
  const files = new OverlayFiles(join(folder, "lives"), objects, tree);
  const states = [await stateOf(files)];
  for (const step of sequence) {
    if (step.kind === "reconcile") await files.store.reconcile(objects.add(step.base), files.asSource());
    else await files.run(step);
    states.push(await stateOf(files));
  }
  const at = join(folder, "left");
  cpSync(join(folder, "lives"), at, { recursive: true });
  await files.store.close();
  const journals = readdirSync(at).filter((name) => name.startsWith("journal-"));
  expect(journals).toHaveLength(1);
  return { states, at, journal: journals[0]! };
}

async function stateOf(files: OverlayFiles): Promise<string> {
  return JSON.stringify([
    [...(await files.dump())],
    files.store.node(ROOT)?.oid,
    files.store.statistics.changed,
    files.store.statistics.deleted,
  ]);
}

/** What an overlay shows that was left with this journal. */
async function reopened(folder: string, left: string, journal: string, bytes: Uint8Array): Promise<string> {
  const at = join(folder, "again");
  cpSync(left, at, { recursive: true });
  writeFileSync(join(at, journal), bytes);
  const files = new OverlayFiles(at, objects, tree);
  try {
    return await stateOf(files);
  } finally {
    await files.store.close();
    rmSync(at, { recursive: true });
  }
}

test("shows what the first so many operations and moves of the base did, wherever the journal ends or is damaged", async () => {
  const sequences = fc.array(steps, { minLength: 8, maxLength: 14 });
  await fc.assert(
    fc.asyncProperty(sequences, fc.infiniteStream(fc.nat()), async (sequence, numbers) => {
      const folder = mkdtempSync(join(tmpdir(), "overlay-"));
      try {
        const { states, at, journal } = await interrupted(sequence, folder);
        const bytes = readFileSync(join(at, journal));
        expect(await reopened(folder, at, journal, bytes)).toBe(states.at(-1));
        const last = new Set<number>();
        let newest = 0;
        // Every byte of what came last, and some before.
        for (let length = Math.max(0, bytes.length - 150); length < bytes.length; length += 3)
          last.add(length);
        for (let i = 0; i < 5; i++) last.add(numbers.next().value! % (bytes.length + 1));
        for (const length of [...last].sort((a, b) => a - b)) {
          const state = states.lastIndexOf(await reopened(folder, at, journal, bytes.subarray(0, length)));
          expect(state, `cut at ${length} of ${bytes.length}`).toBeGreaterThanOrEqual(0);
          expect(state).toBeGreaterThanOrEqual(newest);
          newest = Math.min(state, states.indexOf(states[state]!));
        }
        for (let i = 0; i < 10 && bytes.length > 0; i++) {
          const flipped = Buffer.from(bytes);
          const bit = numbers.next().value! % (bytes.length * 8);
          flipped[bit >> 3]! ^= 1 << (bit & 7);
          expect(states, `bit ${bit} of ${bytes.length * 8}`).toContain(
            await reopened(folder, at, journal, flipped),
          );
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    }),
    { numRuns: process.env.MILLRACE_LIGHT === undefined ? 4 : 1 },
  );
});

test("cuts off at every byte of the last change", async () => {
  const folder = mkdtempSync(join(tmpdir(), "overlay-"));
  try {
    const { states, at, journal } = await interrupted(
      [
        { kind: "mkdir", path: ["new"] },
        { kind: "rename", path: ["a"], to: ["new", "a"], flags: 0 },
        { kind: "rename", path: ["b"], to: ["d"], flags: 2 },
      ],
      folder,
    );
    const bytes = readFileSync(join(at, journal));
    let start = 0;
    for (let next = 0; next < bytes.length; next += 16 + bytes.readUInt32LE(next)) start = next;
    for (let length = start; length < bytes.length; length++)
      expect(await reopened(folder, at, journal, bytes.subarray(0, length))).toBe(states.at(-2));
    expect(await reopened(folder, at, journal, Buffer.concat([bytes, bytes.subarray(0, 40)]))).toBe(
      states.at(-1),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
