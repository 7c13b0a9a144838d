import { existsSync } from "node:fs";
import type { ObjectSource } from "@millrace/promisor";
import { expect, test } from "vitest";
import { mountRepository } from "../../src/mount-repository.ts";
import { openPlace } from "../../src/place.ts";
import { run, useLab } from "../support/lab.ts";
import { makeRepository } from "../support/repository.ts";

const lab = useLab();

test("git writes nothing before its index is there, also after a start that was given up", async () => {
  const origin = lab.keep(makeRepository());
  const folders = lab.folders();
  const { directory, stateFolder } = folders;
  for (const ends of ["given up", "left to end"] as const) {
    await using place = await openPlace(origin, process.env);
    let go = (): void => undefined;
    const told = new Promise<void>((resolve) => (go = resolve));
    const sizes: NonNullable<ObjectSource["sizes"]> = async (oids, how) => {
      const left = new Promise((_, reject) => {
        how?.signal?.addEventListener("abort", () => reject(how.signal?.reason as Error));
      });
      await Promise.race([told, left]);
      return place.source.sizes!(oids, how);
    };
    await using mounted = await mountRepository({
      place: { ...place, source: { ...place.source, sizes } },
      name: "HEAD",
      ...folders,
    });
    mounted.ready.catch(() => undefined);
    mounted.history.catch(() => undefined);
    // By way of the mount git waits for its index; whoever names its directory does not.
    const git = (...args: string[]): Promise<string> =>
      run("git", [`--git-dir=${stateFolder}/git`, ...args], { cwd: directory });
    await run("sh", ["-c", "echo more >> README.md"], { cwd: directory });
    await expect(git("add", "README.md")).rejects.toThrow(/index\.lock': File exists/);
    await expect(git("commit", "-qam", "would remove all else")).rejects.toThrow(/index\.lock': File exists/);
    if (ends === "given up") continue;
    go();
    await mounted.ready;
    expect(existsSync(`${stateFolder}/git/index.lock`)).toBe(false);
    expect(await git("status", "--porcelain")).toBe(" M README.md\n");
    await git("commit", "-qam", "one file");
    expect(await git("show", "--format=", "--name-status")).toBe("M\tREADME.md\n");
  }
});
