import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Registry } from "./registry.ts";
import type { Registration } from "./schema.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-registry-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const PLAIN: Registration = {
  name: "project",
  url: "https://example.com/team/project.git",
  ref: "main",
  refreshMs: 30_000,
  directory: "/mnt/project",
  allowOther: false,
  readOnly: false,
};
const codeOf = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return (error as { readonly code?: unknown }).code;
  }
  return undefined;
};

describe("a registry", () => {
  test("is the same when it is read again", () => {
    const registry = new Registry(folder);
    const row = registry.add(PLAIN);
    registry.add({ ...PLAIN, name: "other", directory: "/mnt/other", refreshMs: null, depth: 3 });
    registry.change("project", row.version, { phase: "ready" });
    const again = new Registry(folder);
    expect(again.rows()).toEqual(registry.rows());
    expect(again.rows().map(({ name, phase }) => [name, phase])).toEqual([
      ["other", "preparing"],
      ["project", "ready"],
    ]);
    expect(statSync(join(folder, "registry.json")).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["registry.json"]);
  });

  test("takes the same registration twice, and another one of the same name or place never", () => {
    const registry = new Registry(folder);
    const row = registry.add(PLAIN);
    expect(registry.add({ ...PLAIN, refreshMs: 5000 })).toBe(row);
    expect(codeOf(() => registry.add({ ...PLAIN, ref: "next" }))).toBe("MOUNT_NAME_TAKEN");
    for (const directory of ["/mnt/project", "/mnt/project/inside", "/mnt"]) {
      expect(codeOf(() => registry.add({ ...PLAIN, name: "other", directory }))).toBe("MOUNT_NAME_TAKEN");
    }
    expect(registry.add({ ...PLAIN, name: "other", directory: "/mnt/project2" }).name).toBe("other");
  });

  test("lets nobody write who has begun under an older version", () => {
    const registry = new Registry(folder);
    const old = registry.add(PLAIN);
    const renewed = registry.renew("project", old.version);
    expect(renewed.version).not.toBe(old.version);
    expect(codeOf(() => registry.change("project", old.version, { phase: "ready" }))).toBe(
      "MOUNT_ROW_CHANGED",
    );
    expect(codeOf(() => registry.remove("project", old.version))).toBe("MOUNT_ROW_CHANGED");
    expect(registry.get("project")?.phase).toBe("preparing");
    registry.remove("project", renewed.version);
    expect(codeOf(() => registry.change("project", renewed.version, {}))).toBe("MOUNT_UNKNOWN_NAME");
    expect(new Registry(folder).rows()).toEqual([]);
  });

  test("keeps no password, and takes nothing that is malformed", () => {
    const registry = new Registry(folder);
    const id = "a".repeat(40);
    const bad: Partial<Registration>[] = [
      ...["", "a/b", "a\\b", "..", "a..b", ".git", "-x", "a\nb", "x".repeat(129)].map((name) => ({ name })),
      { directory: "relative" },
      { refreshMs: 0 },
      { depth: 0 },
      { requireCommit: "abc", ref: "main" },
      // What HEAD names may be another branch tomorrow.
      { requireCommit: id, ref: "HEAD" },
    ];
    for (const change of bad) {
      expect(() => registry.add({ ...PLAIN, ...change }), JSON.stringify(change)).toThrow();
    }
    for (const url of ["https://user:secret@example.com/x.git", "https://example.com/x.git?token=secret"]) {
      expect(codeOf(() => registry.add({ ...PLAIN, url }))).toBe("MOUNT_ADDRESS_REFUSED");
    }
    expect(readdirSync(folder)).toEqual([]);
    const taken = registry.add({
      ...PLAIN,
      url: "ssh://git@example.com/x.git",
      requireCommit: id.toUpperCase(),
    });
    expect(taken.requireCommit).toBe(id);
  });

  test("says that a damaged file is one, and leaves it as it is", () => {
    for (const content of ["", "{", '{"version":2,"repositories":[]}', '{"version":1,"repositories":[{}]}']) {
      writeFileSync(join(folder, "registry.json"), content);
      expect(codeOf(() => new Registry(folder))).toBe("MOUNT_BAD_STATE");
      expect(readFileSync(join(folder, "registry.json"), "utf8")).toBe(content);
    }
  });
});
