import { expect, test } from "vitest";
import { useLab } from "../support/lab.ts";
import { Mirror } from "../support/mirror.ts";
import { RandomSteps } from "../support/random-steps.ts";
import { makeRepository } from "../support/repository.ts";

/** How much is done; `MILLRACE_SOAK_STEPS` for a longer run, `MILLRACE_SEED` for another one. */
const steps = Number(process.env["MILLRACE_SOAK_STEPS"] ?? 200);
const seed = Number(process.env["MILLRACE_SEED"] ?? 3);
const lab = useLab();

test("whatever is done to files and with git ends in a mount as in a clone beside it, at every step", {
  timeout: 60_000 + steps * 10_000,
}, async () => {
  const mirror = await Mirror.open(lab, lab.keep(makeRepository()));
  const random = new RandomSteps(seed, mirror.clone);
  const done: string[] = [];
  for (let number = 1; number <= steps; number++) {
    const step = random.next();
    done.push(step);
    const so = `seed ${seed}, step ${number}, after\n${done.slice(-12).join("\n")}`;
    await mirror.sh(step);
    await mirror.same(so);
    if (number % 30 === 0) await mirror.remount();
  }
  await mirror.settled();
  await mirror.same("the base has followed");
  await mirror.sh("git fsck --connectivity-only --no-dangling");
  expect(mirror.mounted.faults).toEqual([]);
});
