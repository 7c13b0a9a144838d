import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { createUpkeep } from "./schedule.ts";

const fail = (error: unknown): void => {
  throw error;
};

it("tidies a repository up after so many pushes to it, one thing at a time, and counts anew", async () => {
  const begun: (string | undefined)[] = [];
  const ends: (() => void)[] = [];
  const run = (name: string | undefined): Promise<void> => {
    begun.push(name);
    return new Promise((resolve) => ends.push(resolve));
  };
  const upkeep = createUpkeep({ afterPushes: 3, run, onFault: fail });
  for (const name of ["a", "b", "a", "b", "a", "b", "a", "b"]) upkeep.pushed(name);
  expect(begun).toEqual(["a"]);
  ends.shift()?.();
  await setImmediate();
  expect(begun).toEqual(["a", "b"]);
  ends.shift()?.();
  await setImmediate();
  for (let i = 0; i < 2; i++) upkeep.pushed("a");
  expect(begun).toEqual(["a", "b", "a"]);
  ends.shift()?.();
  await upkeep[Symbol.asyncDispose]();
  for (let i = 0; i < 9; i++) upkeep.pushed("a");
  expect(begun).toHaveLength(3);
});

it("goes by the clock, tells faults and goes on, and ends what is under way", async () => {
  const faults: unknown[] = [];
  const begun: (string | undefined)[] = [];
  let aborted: unknown;
  const upkeep = createUpkeep({
    everyMs: 20,
    random: () => 0,
    onFault: (error) => faults.push(error),
    async run(name, signal) {
      begun.push(name);
      if (begun.length === 1) throw new Error("not now");
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      aborted = signal.reason;
    },
  });
  while (begun.length < 2) await sleep(5);
  expect(faults).toEqual([expect.objectContaining({ message: "not now" })]);
  await upkeep[Symbol.asyncDispose]();
  expect(begun).toEqual([undefined, undefined]);
  expect(aborted).toBeInstanceOf(Error);
});

it("does nothing where it is told nothing", async () => {
  const upkeep = createUpkeep({ run: () => Promise.reject(new Error("never")), onFault: fail });
  for (let i = 0; i < 100; i++) upkeep.pushed("a");
  await upkeep[Symbol.asyncDispose]();
});
