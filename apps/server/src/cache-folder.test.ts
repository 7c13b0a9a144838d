import { homedir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { chooseCacheFolder } from "./cache-folder.ts";

it("takes what the command line says, else a folder among the user's caches", () => {
  const environment = { XDG_CACHE_HOME: "/var/caches" };
  expect(chooseCacheFolder("here", environment)).toBe("here");
  expect(chooseCacheFolder(false, environment)).toBeUndefined();
  expect(chooseCacheFolder(undefined, environment)).toBe("/var/caches/millrace");
  const ofUser = join(homedir(), ".cache", "millrace");
  expect(chooseCacheFolder(undefined, {})).toBe(ofUser);
  expect(chooseCacheFolder(undefined, { XDG_CACHE_HOME: "" })).toBe(ofUser);
  expect(chooseCacheFolder(undefined, { XDG_CACHE_HOME: "relative" })).toBe(ofUser);
});
