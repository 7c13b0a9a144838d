import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RepositoryMount } from "../mount-repository.ts";
import type { Place } from "../place.ts";
import { Refresher } from "./refresher.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const SECOND = 1000;

/** A refresher of a mount whose git directory fails as it is told to, with the moments of its looks. */
async function refresh(intervalMs: number | null, isDown = false) {
  const begun = Date.now();
  const state = { isDown, looks: [] as number[], told: [] as string[] };
  const look = async (): Promise<boolean> => {
    state.looks.push((Date.now() - begun) / SECOND);
    if (state.isDown) throw new Error("https://me:hunter2@h/x?token=1 is gone");
    return await Promise.resolve(false);
  };
  const mount = { history: Promise.resolve(), parts: { git: { refresh: look } } };
  const refresher = new Refresher(mount as unknown as RepositoryMount, intervalMs, {
    open: async () =>
      await Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() } as unknown as Place),
    refreshed: async () => await Promise.resolve(),
    failed: (words) => state.told.push(words),
  });
  await vi.advanceTimersByTimeAsync(0);
  return { refresher, state };
}

/** When it looked within so many seconds from now. */
async function looksWithin(seconds: number, state: { readonly looks: number[] }): Promise<readonly number[]> {
  state.looks.length = 0;
  await vi.advanceTimersByTimeAsync(seconds * SECOND);
  return state.looks.splice(0);
}

test("looks at each interval while that succeeds", async () => {
  const { refresher, state } = await refresh(30 * SECOND);
  expect(refresher.lastResult).toBeUndefined();
  expect(await looksWithin(100, state)).toEqual([30, 60, 90]);
  expect(refresher.lastResult).toBe("ok");
  await refresher.stop();
  expect(await looksWithin(100, state)).toEqual([]);
});

test("looks less and less often while it fails, every ten minutes at least, and as before when it is back", async () => {
  const { refresher, state } = await refresh(30 * SECOND, true);
  // The first failure is met at the interval, and waited behind for as long.
  expect(await looksWithin(2200, state)).toEqual([30, 60, 120, 240, 480, 960, 1560, 2160]);
  expect(state.told).toEqual(Array.from({ length: 8 }, () => "https://h/x is gone"));
  expect(refresher.lastResult).toBe("https://h/x is gone");
  state.isDown = false;
  expect(await looksWithin(650, state)).toEqual([2760, 2790, 2820, 2850]);
  expect(refresher.lastResult).toBe("ok");
  await refresher.stop();
});

test("an interval beyond ten minutes stays what it is", async () => {
  const { refresher, state } = await refresh(3600 * SECOND, true);
  expect(await looksWithin(3 * 3600, state)).toEqual([3600, 7200, 10_800]);
  await refresher.stop();
});

test("another interval counts at once, also behind a failure, and never is never", async () => {
  const { refresher, state } = await refresh(100 * SECOND, true);
  expect(await looksWithin(900, state)).toEqual([100, 200, 400, 800]);
  refresher.setInterval(5 * SECOND);
  expect(await looksWithin(40, state)).toEqual([905, 910, 920, 940]);
  refresher.setInterval(null);
  expect(await looksWithin(10_000, state)).toEqual([]);
  // Who asks is answered all the same.
  await expect(refresher.look()).rejects.toThrow("is gone");
  expect(await looksWithin(10_000, state)).toEqual([]);
  refresher.setInterval(5 * SECOND);
  expect(await looksWithin(5, state)).toHaveLength(1);
  await refresher.stop();
});
