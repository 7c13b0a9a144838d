import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodePackedRefs, openPackedRefs } from "../../src/index.ts";
import { git } from "@millrace/git-lab";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "millrace-packed-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe.each(["sha1", "sha256"] as const)("packed-refs of a %s repository", (format) => {
  test("is read as git reads it, and written as git writes it", async () => {
    const directory = join(root, format);
    git(root, ["init", "--quiet", `--object-format=${format}`, directory]);
    git(directory, ["commit", "--quiet", "--allow-empty", "-m", "one"]);
    for (let index = 0; index < 50; index++) git(directory, ["branch", `b${index % 7}/n${index}`]);
    git(directory, ["branch", "ünïcode-\u{1f600}"]);
    git(directory, ["branch", "\uff5e"]);
    git(directory, ["tag", "light"]);
    git(directory, ["tag", "-m", "annotated", "v1"]);
    git(directory, ["tag", "-m", "twice", "v2", "v1"]);
    git(directory, ["update-ref", "refs/odd/tag", "v1"]);
    git(directory, ["pack-refs", "--all"]);
    const bytes = await readFile(join(directory, ".git", "packed-refs"));
    const packed = openPackedRefs(bytes, format);
    const told = git(directory, ["for-each-ref", "--format=%(objectname) %(refname) %(*objectname)"]);
    const ours = [...packed.entries()]
      .map(({ oid, name, peeled }) => `${oid} ${name} ${peeled ?? ""}\n`)
      .join("");
    // for-each-ref peels once, packed-refs peels to the end.
    expect(ours.replaceAll(/ [0-9a-f]+$/gm, " ")).toBe(told.replaceAll(/ [0-9a-f]+$/gm, " "));
    expect(packed.find("refs/tags/v2")?.peeled).toBe(git(directory, ["rev-parse", "v2^{}"]).trim());
    expect(packed.find("refs/odd/tag")?.peeled).toBe(git(directory, ["rev-parse", "v1^{}"]).trim());
    expect(Buffer.from(encodePackedRefs(packed.entries())).equals(bytes)).toBe(true);

    const gone = ["refs/heads/b3/n3", "refs/tags/v1", "refs/tags/v2", "refs/heads/absent"];
    const ourRest = packed.without(gone);
    git(directory, ["update-ref", "--stdin"], gone.map((name) => `delete ${name}\n`).join(""));
    expect(Buffer.from(ourRest ?? []).equals(await readFile(join(directory, ".git", "packed-refs")))).toBe(
      true,
    );
    await writeFile(join(directory, ".git", "packed-refs"), ourRest ?? "");
    git(directory, ["fsck", "--strict"]);
  });
});
