import { describe, expect, test } from "vitest";
import { concealSecrets, hasSecret } from "./secrets.ts";

describe("an address in a text", () => {
  test("has no password when it is shown", () => {
    const told = "fatal: unable to access 'https://me:hunter2@example.com/a/b.git/': no; ssh://git@host/x";
    expect(concealSecrets(told)).toBe(
      "fatal: unable to access 'https://example.com/a/b.git/': no; ssh://git@host/x",
    );
    expect(concealSecrets("https://token@example.com")).toBe("https://example.com");
  });

  test("has a secret where it has a password, or over http a user", () => {
    expect(
      [
        "https://x@h/a",
        "http://x:y@h/a",
        "ssh://x:y@h/a",
        "ssh://git@h/a",
        "git@h:a",
        "/a/b",
        "https://h/a",
      ].map(hasSecret),
    ).toEqual([true, true, true, false, false, false, false]);
  });
});
