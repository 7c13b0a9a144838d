import { expect, test } from "vitest";
import { chooseSocketPath } from "./socket-path.ts";

test("a socket's path is in the folder, in the user's folder for such things where that is too deep, or refused", () => {
  expect(chooseSocketPath("/state", {})).toBe("/state/control.sock");
  const deep = `/${"d".repeat(120)}`;
  const short = chooseSocketPath(deep, { XDG_RUNTIME_DIR: "/run/user/0" });
  expect(short).toMatch(/^\/run\/user\/0\/millrace-[0-9a-f]{24}\.sock$/);
  expect(chooseSocketPath(`${deep}e`, { XDG_RUNTIME_DIR: "/run/user/0" })).not.toBe(short);
  for (const environment of [{}, { XDG_RUNTIME_DIR: "run" }, { XDG_RUNTIME_DIR: deep }]) {
    expect(() => chooseSocketPath(deep, environment)).toThrow("107 bytes");
  }
});
