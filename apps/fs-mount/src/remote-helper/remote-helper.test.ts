import { rmSync } from "node:fs";
import { PassThrough } from "node:stream";
import { createPktReader, DELIM, FLUSH, pktLine, pktText } from "@millrace/pktline";
import { openRepository } from "@millrace/repository";
import { openFsRepository } from "@millrace/storage-fs";
import { afterAll, describe, expect, test } from "vitest";
import { Lab } from "../../test/support/lab.ts";
import { git, makeRepository } from "../../test/support/repository.ts";
import { type OpenForService, runRemoteHelper, type Service } from "./remote-helper.ts";

const lab = new Lab();
afterAll(() => lab.end());

/** What the helper has said, and how it ended. */
interface Dialogue {
  readonly status: number;
  readonly said: Buffer;
  readonly opened: readonly Service[];
  readonly faults: readonly unknown[];
}

/** Holds the dialogue over a repository on a disk: each part begins in a chunk of its own, of so many bytes at most. */
async function talk(
  directory: string,
  parts: readonly (readonly (string | Uint8Array)[])[],
  chunkBytes = 7,
): Promise<Dialogue> {
  const output = new PassThrough({ highWaterMark: 1 << 24 });
  const opened: Service[] = [];
  const faults: unknown[] = [];
  const status = await runRemoteHelper({
    input: (async function* () {
      for (const part of parts) {
        const bytes = Buffer.concat(part.map((each) => Buffer.from(each)));
        for (let at = 0; at < bytes.length; at += chunkBytes)
          yield await Promise.resolve(bytes.subarray(at, at + chunkBytes));
      }
    })(),
    output,
    open: async (service) => {
      opened.push(service);
      return await openOnDisk(directory);
    },
    agent: "millrace/test",
    onFault: (fault) => faults.push(fault),
  });
  return { status, said: (output.read() as Buffer | null) ?? Buffer.alloc(0), opened, faults };
}

async function openOnDisk(directory: string): Promise<OpenForService> {
  const store = await openFsRepository(directory);
  const repository = openRepository(store);
  return {
    repository,
    async [Symbol.asyncDispose]() {
      await repository[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** The packets as lines, marks by their names. */
async function packetsOf(bytes: Uint8Array): Promise<string[]> {
  const reader = createPktReader([bytes]);
  const lines: string[] = [];
  for (let packet = await reader.read(); packet !== undefined; packet = await reader.read())
    lines.push(packet.type === "data" ? pktText(packet) : `(${packet.type})`);
  return lines;
}

const request = (command: string, format: string, ...args: readonly string[]): Uint8Array[] => [
  pktLine(`command=${command}\n`),
  pktLine(`object-format=${format}\n`),
  DELIM,
  ...args.map((each) => pktLine(`${each}\n`)),
  FLUSH,
];

test("says what it can do, and which options it knows", async () => {
  const { said, status, opened } = await talk("/nonexistent", [
    ["capabilities\n"],
    ["option verbosity 1\noption progress true\noption depth 3\n"],
    ["connect git-upload-archive\nstateless-connect git-receive-pack\n", "\n"],
  ]);
  expect(said.toString()).toBe(
    "stateless-connect\nconnect\noption\n\nok\nok\nunsupported\nfallback\nfallback\n",
  );
  expect({ status, opened }).toEqual({ status: 0, opened: [] });
});

test("refuses what it is never asked, and a line without an end", async () => {
  await expect(talk("/nonexistent", [["import refs/heads/main\n"]])).rejects.toThrow("import");
  await expect(talk("/nonexistent", [["x".repeat(100_000)]], 4096)).rejects.toThrow("no end");
  expect((await talk("/nonexistent", [])).status).toBe(0);
});

test("says nothing of a service whose repository is not there", async () => {
  const output = new PassThrough();
  const open = (): Promise<never> => Promise.reject(new Error("there is none"));
  for (const command of ["connect git-receive-pack", "stateless-connect git-upload-pack"]) {
    const input = (async function* () {
      yield await Promise.resolve(Buffer.from(`${command}\n`));
    })();
    await expect(runRemoteHelper({ input, output, open, agent: "millrace/test" })).rejects.toThrow(
      "there is none",
    );
  }
  expect(output.read()).toBeNull();
});

describe.each(["sha1", "sha256"] as const)("over a repository of %s", (format) => {
  test.each([1, 7, 1 << 20])(
    "answers one request after the other, out of chunks of %i bytes",
    async (chunkBytes) => {
      const origin = lab.keep(makeRepository(format));
      const tip = git(origin, ["rev-parse", "HEAD"]);
      const blob = git(origin, ["rev-parse", `HEAD:${git(origin, ["ls-files"]).split("\n")[0]}`]);
      const asked = [
        ["stateless-connect git-upload-pack\n"],
        request("ls-refs", format, "ref-prefix refs/heads/main"),
        request("fetch", format, `want ${blob}`, "done"),
      ];
      // git reads an answer before it sends the next request: no chunk has two.
      const { said, status } = await talk(origin, asked, chunkBytes);
      expect(said.subarray(0, 1).toString()).toBe("\n");
      const lines = await packetsOf(said.subarray(1));
      expect(lines[0]).toBe("version 2");
      expect(lines).toContain(`object-format=${format}`);
      expect(lines.filter((line) => line === "(response-end)")).toHaveLength(2);
      const refs = lines.indexOf(`${tip} refs/heads/main`);
      expect(lines.slice(refs - 1, refs + 4)).toEqual([
        "(flush)",
        `${tip} refs/heads/main`,
        "(flush)",
        "(response-end)",
        "packfile",
      ]);
      expect(lines.slice(-2)).toEqual(["(flush)", "(response-end)"]);
      expect(status).toBe(0);
    },
  );

  test("tells git what it cannot have, and ends with it", async () => {
    const origin = lab.keep(makeRepository(format));
    const none = "1".repeat(format === "sha1" ? 40 : 64);
    const asked = [
      ["stateless-connect git-upload-pack\n"],
      request("fetch", format, `want ${none}`, "done"),
      request("ls-refs", format),
    ];
    const { said, status, faults } = await talk(origin, asked, 1 << 20);
    const lines = await packetsOf(said.subarray(1));
    expect(lines.at(-1)).toMatch(/^ERR .*not our ref/);
    expect(lines).not.toContain("(response-end)");
    expect({ status, faults }).toEqual({ status: 128, faults: [] });
  });

  test("says what is wrong with the repository, which git is not told", async () => {
    const origin = lab.keep(makeRepository(format));
    const tip = git(origin, ["rev-parse", "HEAD"]);
    const tree = git(origin, ["rev-parse", "HEAD:src"]);
    rmSync(`${origin}/.git/objects/${tree.slice(0, 2)}/${tree.slice(2)}`);
    const asked = [["stateless-connect git-upload-pack\n"], request("fetch", format, `want ${tip}`, "done")];
    const { said, status, faults } = await talk(origin, asked, 1 << 20);
    expect(said.toString("latin1")).not.toContain(tree);
    expect(faults.map(String)).toEqual([expect.stringContaining(tree)]);
    expect(status).toBe(128);
  });

  test("has the conversations of older versions and of pushes", async () => {
    const origin = lab.keep(makeRepository(format));
    const tip = git(origin, ["rev-parse", "HEAD"]);
    for (const service of ["git-upload-pack", "git-receive-pack"]) {
      const { said, status, opened } = await talk(origin, [[`connect ${service}\n`, FLUSH]]);
      expect(said.subarray(0, 1).toString()).toBe("\n");
      const lines = await packetsOf(said.subarray(1));
      expect(lines.some((line) => line.startsWith(`${tip} refs/heads/main`))).toBe(true);
      expect(lines.at(-1)).toBe("(flush)");
      expect({ status, opened }).toEqual({ status: 0, opened: [service] });
    }
  });
});
