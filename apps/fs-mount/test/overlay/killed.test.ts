import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fromSources } from "../support/program.ts";
import { Model } from "./model.ts";
import { BASE, operations } from "./operations.ts";
import { BaseObjects, OverlayFiles } from "./overlay-files.ts";

const objects = new BaseObjects();
const tree = objects.add(BASE);
const CHILD = fromSources(new URL("killed-child.ts", import.meta.url));

function start(folder: string, seed: number): ChildProcess {
  return spawn(process.execPath, [...CHILD, folder, String(seed)], { stdio: ["ignore", "pipe", "inherit"] });
}

/** Kills a worker when it has told of so many operations. @returns how many it told of until it ended */
async function killedAfter(child: ChildProcess, operationsDone: number): Promise<number> {
  let text = "";
  for await (const chunk of child.stdout!) {
    text += String(chunk);
    if (Number(text.trimEnd().split("\n").at(-1)) >= operationsDone) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");
  return Number(text.slice(0, text.lastIndexOf("\n")).split("\n").at(-1));
}

test.each([1, 60, 333, 1500])("a process killed after %i operations has lost none", async (count) => {
  const folder = mkdtempSync(join(tmpdir(), "overlay-"));
  try {
    const done = await killedAfter(start(folder, count), count);
    expect(done).toBeGreaterThanOrEqual(count);
    const [sequence = []] = fc.sample(fc.array(operations, { minLength: 4000, maxLength: 4000 }), {
      numRuns: 1,
      seed: count,
    });
    const model = new Model(BASE);
    for (const step of sequence.slice(0, done)) await model.run(step);
    const reported = await model.dump();
    // The one that was under way may have come to its end.
    await model.run(sequence[done]!);
    const next = await model.dump();
    const files = new OverlayFiles(folder, objects, tree);
    try {
      expect([reported, next]).toContainEqual(await files.dump());
      expect(backingFiles(folder)).toBe(contents(files));
    } finally {
      await files.store.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("two processes do not work on one folder, and a killed one leaves it free", async () => {
  const folder = mkdtempSync(join(tmpdir(), "overlay-"));
  const child = start(folder, 7);
  try {
    await once(child.stdout!, "data");
    expect(() => new OverlayFiles(folder, objects, tree)).toThrow(
      expect.objectContaining({ code: "MOUNT_STATE_LOCKED" }),
    );
    child.kill("SIGKILL");
    await once(child, "exit");
    const files = new OverlayFiles(folder, objects, tree);
    expect(() => new OverlayFiles(folder, objects, tree)).toThrow(
      expect.objectContaining({ code: "MOUNT_STATE_LOCKED" }),
    );
    await files.store.close();
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  }
});

/** Files that hold contents, after what nobody names has gone. */
function backingFiles(folder: string): number {
  const content = join(folder, "content");
  return readdirSync(content).reduce((count, name) => count + readdirSync(join(content, name)).length, 0);
}

function contents(files: OverlayFiles): number {
  const seen = new Set<string>();
  const walk = (id: number): void => {
    for (const { node: nodeId } of files.store.list(id)) {
      const node = nodeId === undefined ? undefined : files.store.node(nodeId);
      if (node?.backing !== undefined) seen.add(node.backing);
      if (node?.parent !== undefined) walk(node.id);
    }
  };
  walk(1);
  return seen.size;
}
