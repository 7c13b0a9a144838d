import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { git, tryGit } from "../src/git.ts";
import { createHistory } from "../src/history.ts";
import { feedService, httpRequest, sendBytes } from "../src/hostile-client.ts";
import { type RealRequests, breakRequest, createRealRequests } from "../src/hostile-requests.ts";
import { createRandom } from "../src/random.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { type ServerProcess, startServerProcess } from "../src/server-process.ts";
import type { WorkTree } from "../src/work-tree.ts";

/** `MILLRACE_FUZZ_SEED` begins elsewhere, `MILLRACE_FUZZ_ROUNDS` goes on for longer. */
const seed = Number(process.env.MILLRACE_FUZZ_SEED ?? 1);
const rounds = Number(process.env.MILLRACE_FUZZ_ROUNDS ?? 400);
/** Caches fill and code is compiled meanwhile. */
const WARM_UP_ROUNDS = 1200;
const stdioRounds = Math.ceil(rounds / 8);
const MIB = 1024 * 1024;

describe("clients that speak broken protocol", () => {
  let scratch: Scratch;
  let server: ServerProcess;
  let local: WorkTree;
  let root: string;
  let served: string;
  let real: RealRequests;
  let before: { files: string[]; refs: string };

  beforeAll(async () => {
    scratch = await createScratch();
    root = join(scratch.path, "repositories");
    served = join(root, "served.git");
    local = await createHistory(join(scratch.path, "local"), "sha1");
    await git(["clone", "--quiet", "--mirror", local.path, served]);
    const next = await local.commit("next", { "next.txt": "next\n".repeat(100) });
    await local.git("update-ref", "refs/new/next", next);
    await local.git("reset", "--quiet", "--hard", "main~1");
    real = await createRealRequests(local, next);
    server = await startServerProcess(root);
    before = await state();
  });

  // A server waits for the requests under way, also for the rest of one whose client hung up.
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  }, 600_000);

  /** Every file below the root, and what the refs are. */
  async function state(): Promise<{ files: string[]; refs: string }> {
    const files = await readdir(root, { recursive: true });
    return { files: files.toSorted(), refs: await git(["for-each-ref"], { cwd: served }) };
  }

  /** Some rounds over HTTP, a few at a time. Returns how often each status was the answer. */
  async function bombard(from: number, count: number): Promise<Map<number, number>> {
    const port = Number(new URL(server.url).port);
    const statuses = new Map<number, number>();
    let next = from;
    const client = async (): Promise<void> => {
      while (next < from + count) {
        const round = next++;
        const random = createRandom(seed * 1_000_003 + round);
        const request = random.pick(real.requests);
        const body = random.chance(0.1) ? request.bytes : breakRequest(request.bytes, real, random);
        const name = random.chance(0.1) ? "not-there.git" : "served.git";
        const answer = await sendBytes(port, httpRequest(name, request, body, random), random).catch(
          (cause: unknown) => {
            throw new Error(`seed ${seed}, round ${round}`, { cause });
          },
        );
        if (answer === undefined) continue;
        const status = Number(/^HTTP\/1\.1 (?!100)(\d{3}) /m.exec(answer.toString("latin1"))?.[1] ?? 0);
        expect(status, `seed ${seed}, round ${round}: ${answer.toString("latin1", 0, 500)}`).toBeLessThan(
          500,
        );
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: 8 }, client));
    return statuses;
  }

  async function expectUnharmed(): Promise<void> {
    await expect.poll(state, { timeout: 15_000 }).toEqual(before);
    const { status, stdout, stderr } = await tryGit(["fsck", "--strict"], { cwd: served });
    expect({ status, told: stdout + stderr }).toEqual({ status: 0, told: "" });
  }

  async function expectClone(name: string, ...args: string[]): Promise<void> {
    const path = join(scratch.path, name);
    await git(["clone", "--quiet", "--mirror", ...args, path]);
    expect(await git(["for-each-ref"], { cwd: path })).toBe(before.refs);
    expect((await tryGit(["fsck", "--strict"], { cwd: path })).status).toBe(0);
  }

  it("get an answer or an end over HTTP, and cost nothing that stays", { timeout: 600_000 }, async () => {
    await bombard(rounds, WARM_UP_ROUNDS);
    await expectClone("warm", `${server.url}/served.git`);
    await delay(500);
    const warm = await server.memoryBytes();
    const statuses = await bombard(0, rounds);
    await expectUnharmed();
    await expectClone("after", `${server.url}/served.git`);
    const grown = async (): Promise<number> => (await server.memoryBytes()) - warm;
    await expect.poll(grown, { timeout: 600_000 }).toBeLessThan(16 * MIB);
    console.log(
      `${rounds} rounds: RSS ${Math.round(warm / MIB)} MiB, then ${((await grown()) / MIB).toFixed(1)} MiB more; answers:`,
      Object.fromEntries(statuses),
    );
    expect(statuses.get(200) ?? 0).toBeGreaterThan(0);
  });

  it("get an end over pipes", { timeout: 600_000 }, async () => {
    let next = 0;
    const client = async (): Promise<void> => {
      while (next < stdioRounds) {
        const round = next++;
        const random = createRandom(seed * 2_000_003 + round);
        const request = random.pick(real.requests);
        const { status, stderr } = await feedService(
          served,
          request,
          breakRequest(request.bytes, real, random),
          random,
        );
        const told = `seed ${seed}, round ${round}: ${stderr}`;
        expect([0, 128], told).toContain(status);
        expect(stderr, told).not.toMatch(/^ {4}at /m);
      }
    };
    await Promise.all([client(), client()]);
    await expectUnharmed();
    await expectClone("by-pipe", "--no-local", served);
  });
});
