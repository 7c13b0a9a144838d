import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { copyToMemory, packOf, withView } from "./memory-repository.ts";
import { createGitRepository } from "./real-git.ts";

/** Text that does not compress. */
function noise(seed: number, lines: number): string {
  return Array.from(
    { length: lines },
    (_, line) => `${createHash("sha512").update(`${seed} ${line}`).digest("base64")}\n`,
  ).join("");
}

describe("a thin pack", () => {
  it("builds on what the client has from long ago", async () => {
    const source = createGitRepository();
    const client = createGitRepository();
    try {
      const first = noise(0, 300);
      const versions = [first, ...Array.from({ length: 20 }, (_, i) => noise(i + 1, 5)), first.slice(90)];
      const stream = versions.flatMap((text, i) => [
        "commit refs/heads/main",
        `committer C <c@example.com> ${1_700_000_000 + i} +0000`,
        "data 0",
        "M 100644 inline file",
        `data ${text.length}`,
        text,
      ]);
      source.run(["fast-import", "--quiet"], `${stream.join("\n")}\ndone\n`);
      const [tip, before] = source.text(["rev-list", "-2", "main"]).split("\n") as [string, string];
      client.run(["fetch", "--quiet", source.path, `${before}:refs/heads/main`]);
      const repository = await copyToMemory(source);
      const pack = await withView(repository, (view) =>
        packOf(view, { wants: [tip], haves: [before], thinPack: true }),
      );
      expect(pack.length).toBeLessThan(1000);
      client.run(["index-pack", "--fix-thin", "--stdin"], pack);
      client.run(["update-ref", "refs/heads/main", tip]);
      client.run(["fsck", "--strict"]);
    } finally {
      source.remove();
      client.remove();
    }
  });
});
