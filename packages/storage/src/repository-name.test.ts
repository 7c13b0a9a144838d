import { expect, test } from "vitest";
import { isRepositoryName } from "./repository-name.ts";

test.each(["a", "team/project.git", "a b", ".hidden/x", "a.lock.git", "ü/名前", "x".repeat(240)])(
  "takes %j",
  (name) => {
    expect(isRepositoryName(name)).toBe(true);
  },
);

test.each([
  "",
  "/",
  "/a",
  "a/",
  "a//b",
  ".",
  "..",
  "a/..",
  "./a",
  "a.lock",
  "a.lock/b",
  "a\\b",
  "a\u0000",
  "a\u001fb",
  "a\u007f",
  "\ud800",
  "x".repeat(241),
  Array.from({ length: 9 }, () => "x".repeat(101)).join("/"),
])("refuses %j", (name) => expect(isRepositoryName(name)).toBe(false));
