import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FSCK_SEVERITIES } from "../src/fsck/finding.ts";
import { type GitRepository, makeHistory, makeRepository } from "../test/git/scan-support.ts";
import { receivePack } from "./receive-pack.ts";

const here = import.meta.dirname;
const readme = readFileSync(join(here, "../README.md"), "utf8");

describe("receive-pack", () => {
  let repository: GitRepository;

  beforeAll(() => {
    repository = makeRepository("sha1");
    makeHistory(repository);
  });
  afterAll(() => repository.remove());

  it("stores, checks and reads a pack made by git", async () => {
    const pack = repository.git(["pack-objects", "--all", "--stdout", "-q"]);
    const chunks = Array.from({ length: Math.ceil(pack.length / 5000) }, (_, i) =>
      pack.subarray(i * 5000, i * 5000 + 5000),
    );
    const head = repository.git(["rev-parse", "main"]).toString().trim();
    const path = join(repository.path, "received.pack");
    expect(await receivePack(Readable.from(chunks), path, head)).toBe("large");
    expect(readFileSync(path)).toEqual(pack);
    await expect(receivePack(Readable.from(chunks), path, "0".repeat(40))).rejects.toThrow(
      "is not in the pack",
    );
  });

  it("refuses a pack with a bad object", async () => {
    const text = `tree ${repository.git(["rev-parse", "main^{tree}"]).toString().trim()}\nauthor A 1 +0000\n\n`;
    const oid = repository
      .git(["hash-object", "-t", "commit", "--literally", "-w", "--stdin"], text)
      .toString();
    const pack = repository.git(["pack-objects", "--stdout", "-q"], oid);
    const path = join(repository.path, "refused.pack");
    await expect(receivePack(Readable.from([pack]), path, oid.trim())).rejects.toThrow("missingEmail");
  });
});

describe("the README", () => {
  it("shows the example as it is tested", () => {
    const example = readFileSync(join(here, "receive-pack.ts"), "utf8");
    expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``);
  });

  it("explains every error code", () => {
    const source = readFileSync(join(here, "../src/errors.ts"), "utf8");
    const codes = [...source.matchAll(/"(PACK_[A-Z_]+)"/g)].map(([, code]) => code!);
    expect(codes.length).toBeGreaterThan(10);
    for (const code of codes) expect(readme).toContain(`| \`${code}\` `);
  });

  it("lists every function that the package exports", async () => {
    const exported = await import("../src/index.ts");
    for (const [name, value] of Object.entries(exported)) {
      if (typeof value === "function") expect(readme, name).toContain(`\`${name}`);
    }
  });

  it("lists every message id", () => {
    for (const id of FSCK_SEVERITIES.keys()) expect(readme).toContain(`\`${id}\``);
  });
});
