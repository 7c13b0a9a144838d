import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { Lab, run, whyNot } from "../test/mount/lab.ts";

const lab = new Lab();
const reason = whyNot();

afterAll(async () => await lab.end());

it("clock: tells the time", async (ctx) => {
  if (reason !== undefined) ctx.skip(reason);
  const clock = await lab.mount({ module: new URL("clock.ts", import.meta.url) });
  expect(await run("ls", [clock.directory])).toBe("now\n");
  expect(await run("cat", [join(clock.directory, "now")])).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z\n$/);
  await clock.unmount();
});

it("the README shows clock.ts as it runs here", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  expect(readme).toContain(readFileSync(new URL("clock.ts", import.meta.url), "utf8"));
});
