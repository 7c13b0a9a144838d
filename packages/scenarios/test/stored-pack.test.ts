import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { defaultEndpoint } from "../src/endpoints.ts";
import { createHistory } from "../src/history.ts";
import { bandOf, readPackets } from "../src/packets.ts";
import { startRawClone } from "../src/raw-clone.ts";
import { createScratch } from "../src/scratch.ts";

describe("a clone of everything that one push has brought", () => {
  it("is the stored pack byte for byte over HTTP, told by our own graph", async () => {
    await using endpoint = await defaultEndpoint.open();
    await using scratch = await createScratch();
    const local = await createHistory(join(scratch.path, "local"), "sha1");
    const url = endpoint.url("pushed.git");
    await local.git("push", "--quiet", "--mirror", url);

    const folder = join(endpoint.directory?.("pushed.git") as string, "objects/pack");
    const names = await readdir(folder);
    const packs = names.filter((name) => name.endsWith(".pack"));
    expect(packs).toHaveLength(1);
    expect(names.filter((name) => name.endsWith(".bitmap"))).toEqual([]);

    const tips = await local.git("for-each-ref", "--format=%(objectname)");
    const { found } = readPackets(await startRawClone(url, [...new Set(tips.split("\n"))]).finish());
    const sent = Buffer.concat(found.flatMap((packet) => bandOf(packet, 1) ?? []));
    const stored = await readFile(join(folder, packs[0]!));
    expect(sent.subarray(sent.indexOf("PACK")).equals(stored)).toBe(true);
  });
});
