import { randomBytes } from "node:crypto";
import { readdir, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { git, tryGit } from "../src/git.ts";
import { bandOf, readPackets } from "../src/packets.ts";
import { startRawClone } from "../src/raw-clone.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { type ServerProcess, startServerProcess } from "../src/server-process.ts";

const MIB = 1024 * 1024;
/** More than sockets and the server hold on the way. */
const PACK_BYTES = 40 * MIB;

describe("a clone that is cut short", () => {
  let scratch: Scratch;
  let server: ServerProcess;
  let tip: string;

  beforeAll(async () => {
    scratch = await createScratch();
    const source = join(scratch.path, "source");
    await git(["init", "--quiet", source]);
    for (let i = 0; i < 10; i++) await writeFile(join(source, `f${i}`), randomBytes(PACK_BYTES / 10));
    await git(["-c", "core.compression=0", "add", "."], { cwd: source });
    await git(["commit", "--quiet", "--message", "noise"], { cwd: source });
    tip = await git(["rev-parse", "HEAD"], { cwd: source });
    await git(["clone", "--quiet", "--bare", "--no-local", source, join(scratch.path, "original.git")]);
    server = await startServerProcess(join(scratch.path, "repositories"));
  }, 60_000);

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  /** A repository of its own with the same pack; tells where that lies. */
  async function copyRepository(name: string): Promise<string> {
    const path = join(scratch.path, "repositories", name);
    await git(["clone", "--quiet", "--bare", "--no-local", join(scratch.path, "original.git"), path]);
    const pack = (await readdir(join(path, "objects/pack"))).find((file) => file.endsWith(".pack"));
    return join(path, "objects/pack", pack!);
  }

  const packIn = (answer: Buffer): Buffer =>
    Buffer.concat(readPackets(answer).found.flatMap((packet) => bandOf(packet, 1) ?? []));

  it("leaves neither file nor buffer behind when its client vanishes", { timeout: 120_000 }, async () => {
    await copyRepository("left.git");
    const url = `${server.url}/left.git`;
    await startRawClone(url, [tip]).finish();
    const leaveSome = async (): Promise<void> => {
      const clones = [0, 0, 1, 60_000, MIB, 5 * MIB].map(async (bytes) => {
        const clone = startRawClone(url, [tip]);
        if (bytes > 0) expect(await clone.read(bytes)).toBeLessThan(PACK_BYTES);
        clone.vanish();
      });
      await Promise.all(clones);
    };
    await leaveSome();
    const before = await server.openFiles();
    /** The least that the server holds at the end of some rounds: what collecting leaves, not when it collects. */
    const leastMemory = async (): Promise<number> => {
      let least = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 36; i++) {
        await leaveSome();
        least = Math.min(least, await server.memoryBytes());
      }
      return least;
    };
    // A heap may grow to a larger working size, once or twice. What is left behind grows on: 64 KiB of each client who has
    // read are 20 MiB in three looks.
    const looks: number[] = [];
    const growth = (): number =>
      looks.length > 3 ? looks.at(-1)! - looks.at(-4)! : Number.POSITIVE_INFINITY;
    while (looks.length < 14 && growth() >= 8 * MIB) looks.push(await leastMemory());
    await expect.poll(() => server.openFiles(), { timeout: 20_000 }).toBeLessThanOrEqual(before);
    expect(growth()).toBeLessThan(8 * MIB);
    expect(packIn(await startRawClone(url, [tip]).finish()).length).toBeGreaterThan(PACK_BYTES);
  });

  it("ends in an error on band 3 when the pack becomes shorter under way", async () => {
    const pack = await copyRepository("shorter.git");
    const clone = startRawClone(`${server.url}/shorter.git`, [tip]);
    await clone.read(MIB);
    await truncate(pack, PACK_BYTES - 3 * MIB);
    const { found } = readPackets(await clone.finish());
    expect(String(bandOf(found.at(-1)!, 3))).toBe(
      "aborting due to possible repository corruption on the remote side.",
    );
    const sent = found.flatMap((packet) => bandOf(packet, 1)?.length ?? []);
    expect(sent.every((length) => length === 65_515)).toBe(true);
    const again = await tryGit([
      "clone",
      "--quiet",
      `${server.url}/shorter.git`,
      join(scratch.path, "again"),
    ]);
    expect(again.status).toBe(128);
    expect(again.stderr).toContain("remote error: aborting due to possible repository corruption");
  });

  it("goes on to its end when git removes the pack under way", async () => {
    const pack = await copyRepository("removed.git");
    const clone = startRawClone(`${server.url}/removed.git`, [tip]);
    await clone.read(MIB);
    await rename(pack, `${pack}.away`);
    await rm(`${pack}.away`);
    const copy = join(scratch.path, "copy.git");
    await git(["init", "--quiet", "--bare", copy]);
    await writeFile(join(copy, "all.pack"), packIn(await clone.finish()));
    await git(["index-pack", "--strict", "all.pack"], { cwd: copy });
    const gone = await startRawClone(`${server.url}/removed.git`, [tip]).finish();
    expect(String(gone)).toContain(`ERR upload-pack: not our ref ${tip}`);
  });
});
