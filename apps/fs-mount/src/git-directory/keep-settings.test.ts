import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { git } from "../../test/support/repository.ts";
import { keepSettings } from "./keep-settings.ts";

test("sets what is to be there, takes away what is not, and leaves the rest and what is so already", async () => {
  const path = mkdtempSync(join(tmpdir(), "millrace-settings-"));
  try {
    git(path, ["init", "-q", "--bare", "."]);
    for (const value of ["one", "two"]) git(path, ["config", "--add", "remote.origin.vcs", value]);
    git(path, ["config", "millrace.region", "old"]);
    git(path, ["config", "user.name", "somebody"]);
    const wanted = [
      { key: "remote.origin.vcs", value: "millrace" },
      { key: "alias.remote-millrace", value: "!'a \"quoted\" path' #; \\" },
      { key: "millrace.region", value: undefined },
      { key: "millrace.endpoint", value: undefined },
    ];
    await keepSettings(path, wanted, undefined);
    const all = (key: string): string => git(path, ["config", "--get-all", key]);
    expect(all("remote.origin.vcs")).toBe("millrace");
    expect(all("alias.remote-millrace")).toBe(wanted[1]!.value);
    expect(all("user.name")).toBe("somebody");
    expect(() => all("millrace.region")).toThrow();
    const [{ ino }, text] = [statSync(join(path, "config")), readFileSync(join(path, "config"), "utf8")];
    await keepSettings(path, wanted, undefined);
    // git writes by renaming: the same file is one that nobody has written.
    expect(statSync(join(path, "config")).ino).toBe(ino);
    expect(readFileSync(join(path, "config"), "utf8")).toBe(text);
  } finally {
    rmSync(path, { recursive: true });
  }
});
