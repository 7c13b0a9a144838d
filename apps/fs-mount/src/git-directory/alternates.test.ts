import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { borrowFrom, borrowFromNoMount, promisedFolder } from "./alternates.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-alternates-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("what is borrowed from a mount comes and goes, and what else is borrowed stays", async () => {
  const file = join(folder, "objects/info/alternates");
  mkdirSync(join(folder, "objects/info"), { recursive: true });
  await borrowFromNoMount(folder);
  expect(existsSync(file)).toBe(false);
  await borrowFrom(folder, [promisedFolder("/mnt/it's a # mount")]);
  expect(readFileSync(file, "utf8")).toBe("/mnt/it's a # mount/.git:millrace-promised\n");
  await borrowFromNoMount(folder);
  expect(existsSync(file)).toBe(false);

  const others = '# a comment\n/elsewhere/objects\n"/quo\\"ted/objects"\n';
  writeFileSync(file, others);
  await borrowFrom(folder, [promisedFolder('/mnt/"quoted"')]);
  await borrowFrom(folder, [promisedFolder('/mnt/"quoted"')]);
  expect(readFileSync(file, "utf8")).toBe(`${others}"/mnt/\\"quoted\\"/.git:millrace-promised"\n`);
  await borrowFromNoMount(folder);
  expect(readFileSync(file, "utf8")).toBe(others);
});
