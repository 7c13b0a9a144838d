import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { allEndpointKinds, defaultEndpoint, type Endpoint, httpBare, httpS3 } from "../src/endpoints.ts";
import { git, tryGit } from "../src/git.ts";
import { isLight } from "../src/light.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { type WorkTree, openWorkTree } from "../src/work-tree.ts";

const CLONES = 50;
const PUSHES = 10;

/** The second Node takes the two that have the most to do at once. */
const kinds = isLight ? [defaultEndpoint, httpS3] : [...allEndpointKinds, httpBare];

describe.each(kinds)("a crowd over $name", (kind) => {
  let endpoint: Endpoint;
  let missing: string | undefined;
  let scratch: Scratch;
  let local: WorkTree;

  beforeAll(async () => {
    missing = await kind.missing?.();
    if (missing !== undefined) return;
    endpoint = await kind.open();
    scratch = await createScratch();
    local = await openWorkTree(join(scratch.path, "local"), endpoint.env, "sha1");
    for (let i = 0; i < 30; i++)
      await local.commit(`commit ${i}`, { [`f${i % 7}.txt`]: `${i}\n`.repeat(200) });
  });

  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });

  afterAll(async () => {
    if (missing !== undefined) return;
    await endpoint[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  it(`carries ${CLONES} clones and ${PUSHES} pushes at once`, { timeout: 600_000 }, async () => {
    const name = "crowd.git";
    await endpoint.prepare(name);
    await local.git("push", "--quiet", endpoint.url(name), "main");
    const tips: string[] = [];
    for (let i = 0; i < PUSHES; i++) {
      await local.git("checkout", "--quiet", "-b", `topic-${i}`, "main");
      tips.push(await local.commit(`topic ${i}`, { [`topic-${i}.txt`]: `${i}\n` }));
    }
    const clones = Array.from({ length: CLONES }, (_, i) =>
      git(["clone", "--quiet", "--bare", endpoint.url(name), join(scratch.path, `clone-${i}`)], {
        env: endpoint.env,
      }),
    );
    const pushes = tips.map((_, i) => local.git("push", "--quiet", endpoint.url(name), `topic-${i}`));
    await Promise.all([...clones, ...pushes]);

    const listed = await git(["ls-remote", "--heads", endpoint.url(name)], { env: endpoint.env });
    for (const [i, tip] of tips.entries()) expect(listed).toContain(`${tip}\trefs/heads/topic-${i}`);
    const directory = endpoint.directory?.(name);
    const checked = [join(scratch.path, "clone-0"), join(scratch.path, `clone-${CLONES - 1}`), directory];
    for (const cwd of checked.filter((path) => path !== undefined)) {
      expect((await tryGit(["fsck", "--strict"], { cwd })).status).toBe(0);
    }
    if (directory === undefined) return;
    expect((await readdir(join(directory, "objects"))).filter((entry) => entry.startsWith("tmp"))).toEqual(
      [],
    );
    expect(
      (await readdir(join(directory, "objects/pack"))).filter((entry) => !/\.(?:pack|idx|rev)$/.test(entry)),
    ).toEqual([]);
  });

  it("lets just one of several racing pushes to one ref win", { timeout: 600_000 }, async () => {
    const name = "race.git";
    await endpoint.prepare(name);
    await local.git("push", "--quiet", endpoint.url(name), "main");
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        local.tryGit("push", endpoint.url(name), `topic-${i}:refs/heads/prize`),
      ),
    );
    const winners = outcomes.filter(({ status }) => status === 0);
    expect(winners.length).toBe(1);
    const listed = await git(["ls-remote", endpoint.url(name), "refs/heads/prize"], { env: endpoint.env });
    const tips = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => local.git("rev-parse", `topic-${i}`)));
    expect(tips).toContain(listed.slice(0, 40));
  });

  it("lets two first pushes to one new name both in", { timeout: 600_000 }, async () => {
    const name = "newborn.git";
    await endpoint.prepare(name);
    await Promise.all(
      [0, 1, 2, 3].map((i) => local.git("push", "--quiet", endpoint.url(name), `topic-${i}`)),
    );
    const listed = await git(["ls-remote", "--heads", endpoint.url(name)], { env: endpoint.env });
    expect(listed.split("\n").length).toBe(4);
  });
});
