import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import {
  type ProtocolError,
  type ProtocolVersion,
  serveUploadPack,
  type UploadPackPolicy,
} from "../../src/index.ts";
import { runGit } from "./git.ts";
import { createGitHost } from "./git-host.ts";
import { collect, packets, readLeadingPackets, type ReadPacket } from "./packets.ts";

/** An answer, and what its maker had to complain of. */
export interface Answer {
  readonly stdout: Buffer;
  readonly error: string | undefined;
}

/** How both sides are set up. */
export interface Setting {
  readonly version?: ProtocolVersion | undefined;
  readonly stateless?: boolean | undefined;
  readonly policy?: UploadPackPolicy | undefined;
  /** `key=value` of git's configuration. */
  readonly config?: readonly string[] | undefined;
}

/** Everything that is off unless it is asked for. */
export const generous: Setting = {
  policy: { filters: true, refInWant: true, sidebandAll: true, wants: "any" },
  config: [
    "uploadpack.allowFilter=true",
    "uploadpack.allowRefInWant=true",
    "uploadpack.allowSidebandAll=true",
    "uploadpack.allowAnySHA1InWant=true",
  ],
};

export function askGit(lines: readonly string[], directory: string, setting: Setting = {}): Answer {
  const { version = 2, stateless = true, config = [] } = setting;
  const args = [...config.flatMap((each) => ["-c", each]), "upload-pack"];
  const result = runGit(
    directory,
    [...args, ...(stateless ? ["--stateless-rpc"] : []), "."],
    packets(...lines),
    { GIT_PROTOCOL: `version=${version}` },
  );
  return { stdout: result.stdout, error: /^fatal: (.*)$/m.exec(result.stderr)?.[1] };
}

export async function askMillrace(
  lines: readonly string[],
  directory: string,
  setting: Setting = {},
): Promise<Answer> {
  const { version = 2, stateless = true, policy } = setting;
  let error: ProtocolError | undefined;
  const answer = serveUploadPack(createGitHost(directory, policy), [packets(...lines)], {
    version,
    stateless,
    onError: (told) => {
      error = told;
    },
  });
  return { stdout: await collect(answer), error: error?.clientMessage };
}

/** The ids in a pack, which `directory` completes and keeps. */
export function objectsOf(pack: Buffer, directory: string): string[] {
  const listed = runGit(directory, ["index-pack", "--stdin", "--fix-thin"], pack);
  expect(listed.status, listed.stderr).toBe(0);
  const id = /^pack\t([0-9a-f]+)/m.exec(listed.stdout.toString())?.[1] ?? "";
  const index = readFileSync(join(directory, ".git", "objects", "pack", `pack-${id}.idx`));
  return runGit(directory, ["show-index"], index)
    .stdout.toString()
    .trim()
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .sort();
}

/** Everything before a pack as it was sent, and the objects of the pack, in bands or bare. */
export function readAnswer(bytes: Buffer, directory: string): { before: string[]; objects: string[] } {
  const { found, rest } = readLeadingPackets(bytes);
  // Git may send the first byte of a pack alone.
  const from = found.findIndex((each) => {
    const data = bandData(each, 1)?.subarray(0, 4).toString();
    return data !== undefined && data !== "" && "PACK".startsWith(data);
  });
  const before = (from < 0 ? found : found.slice(0, from))
    .filter((each) => bandData(each, 2) === undefined)
    .map((each) => each.toString().replace(/(agent|session-id)=\S+/g, "$1"));
  if (rest.length > 0) return { before, objects: objectsOf(rest, directory) };
  if (from < 0) return { before, objects: [] };
  expect(found.at(-1)).toBe("0000");
  const pack = found.slice(from).flatMap((each) => bandData(each, 1) ?? []);
  return { before, objects: objectsOf(Buffer.concat(pack), directory) };
}

function bandData(packet: ReadPacket, band: number): Buffer | undefined {
  return typeof packet !== "string" && packet[0] === band ? packet.subarray(1) : undefined;
}

/** Asks both, and wants the same words, the same objects, or the same error. */
export async function expectSameAnswer(
  lines: readonly string[],
  directories: { readonly bare: string; readonly work: string },
  setting: Setting = {},
): Promise<void> {
  const expected = askGit(lines, directories.bare, setting);
  const answer = await askMillrace(lines, directories.bare, setting);
  expect(answer.error).toBe(expected.error);
  if (expected.error !== undefined) return;
  expect(readAnswer(answer.stdout, directories.work)).toEqual(readAnswer(expected.stdout, directories.work));
}
