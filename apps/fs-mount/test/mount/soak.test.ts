import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { DaemonLab } from "../support/daemon-lab.ts";
import { useLab } from "../support/lab.ts";
import { Mirror, runInBoth, wantSame } from "../support/mirror.ts";
import { RandomSteps } from "../support/random-steps.ts";
import { git, makeRepository } from "../support/repository.ts";

/** How much is done; `MILLRACE_SOAK_STEPS` for a longer run, `MILLRACE_SEED` for another one. */
const steps = Number(process.env["MILLRACE_SOAK_STEPS"] ?? 200);
const seed = Number(process.env["MILLRACE_SEED"] ?? 3);
const lab = useLab();

/** Does a share of the steps, each share from another seed. */
async function soak(
  { share, of }: { readonly share: number; readonly of: number },
  clone: string,
  act: (step: string, number: number, so: string) => Promise<void>,
): Promise<void> {
  const random = new RandomSteps(of, clone);
  const done: string[] = [];
  for (let number = 1; number <= steps * share; number++) {
    const step = random.next();
    done.push(step);
    await act(step, number, `seed ${of}, step ${number}, after\n${done.slice(-12).join("\n")}`);
  }
}

test.each([
  ["sha1", { share: 0.5, of: seed }],
  ["sha256", { share: 0.2, of: seed + 1000 }],
] as const)(
  "whatever is done to files and with git ends in a mount of %s as in a clone beside it, at every step",
  {
    timeout: 60_000 + steps * 10_000,
  },
  async (format, share) => {
    const mirror = await Mirror.open(lab, lab.keep(makeRepository(format)));
    await soak(share, mirror.clone, async (step, number, so) => {
      await mirror.sh(step);
      await mirror.same(so);
      if (number % 30 === 0) await mirror.remount();
    });
    await mirror.settled();
    await mirror.same("the base has followed");
    await mirror.sh("git fsck --connectivity-only --no-dangling");
    expect(mirror.mounted.faults).toEqual([]);
  },
);

test("so it does where the daemon is killed between steps", {
  timeout: 60_000 + steps * 10_000,
}, async () => {
  const origin = lab.keep(makeRepository());
  const clone = join(lab.folder(), "clone");
  git("/", ["clone", "-q", origin, clone]);
  const daemon = new DaemonLab(lab);
  onTestFinished(async () => await daemon.end());
  await daemon.start();
  const directory = await daemon.mount("one", origin);
  const places = { directory, gitDirectory: join(daemon.state, "mounts/one/git") };
  await soak({ share: 0.15, of: seed + 2000 }, clone, async (step, number, so) => {
    await runInBoth(step, places, clone);
    await wantSame(directory, clone, so);
    if (number % 10 !== 0) return;
    await daemon.signal("SIGKILL");
    await daemon.start();
    await daemon.until("one", ({ state }) => state === "mounted");
    await wantSame(directory, clone, `killed, ${so}`);
  });
  await runInBoth("git fsck --connectivity-only --no-dangling", places, clone);
  expect(await daemon.status("one")).toMatchObject({ state: "mounted", error: null, lastFault: null });
});
