import { packets } from "./packets.ts";
import type { Random } from "./random.ts";
import { packOf } from "./raw-pack.ts";
import type { WorkTree } from "./work-tree.ts";

/** What a client that knows the protocol sends to one of the services. */
export interface RealRequest {
  readonly service: "git-upload-pack" | "git-receive-pack";
  readonly version: 0 | 1 | 2;
  readonly bytes: Buffer;
}

/** Real requests of both services, and lines that mean something in them. */
export interface RealRequests {
  readonly requests: readonly RealRequest[];
  readonly vocabulary: readonly string[];
}

const words = "multi_ack_detailed no-done side-band-64k thin-pack ofs-delta object-format=sha1";
const banded = "\0report-status side-band-64k object-format=sha1 agent=git/test";

/**
 * Makes requests for a repository that has `main`, and for which `next` is new. Each push names an old id that no ref
 * has: whatever it is turned into, it goes all the way through the server and moves nothing.
 */
export async function createRealRequests(local: WorkTree, next: string): Promise<RealRequests> {
  const idOf = (name: string): Promise<string> => local.git("rev-parse", name);
  const [main, old, older, blob] = [
    await idOf("main"),
    await idOf("main~2"),
    await idOf("main~5"),
    await idOf("main:README"),
  ];
  const [zero, none] = ["0".repeat(40), "1".repeat(40)];
  const version2 = [
    [
      "command=ls-refs",
      "object-format=sha1",
      "0001",
      "peel",
      "symrefs",
      "unborn",
      "ref-prefix refs/",
      "0000",
    ],
    ["command=fetch", "0001", "thin-pack", "ofs-delta", `want ${main}`, "done", "0000"],
    ["command=fetch", "0001", `want ${main}`, `have ${old}`, `have ${none}`, "include-tag", "0000"],
    ["command=fetch", "0001", `want ${main}`, `have ${old}`, "wait-for-done", "0000"],
    ["command=fetch", "0001", `want ${main}`, `shallow ${old}`, `have ${main}`, "deepen 3", "done", "0000"],
    ["command=fetch", "0001", `want ${main}`, "deepen-not v1", "deepen-since 1700000000", "done", "0000"],
    ["command=fetch", "0001", `want ${main}`, "filter combine:tree:2+blob:limit=1k", "done", "0000"],
    ["command=fetch", "0001", `want ${main}`, "filter sparse:oid=main:.sparse", "done", "0000"],
    ["command=fetch", "0001", `want ${blob}`, "filter blob:none", "done", "0000"],
    ["command=object-info", "0001", "size", `oid ${main}`, `oid ${blob}`, "0000"],
  ];
  const version0 = [
    [`want ${main} ${words}`, `want ${old}`, "0000", `have ${none}`, `have ${older}`, "0000", "done"],
    [`want ${main} multi_ack side-band`, "0000", `have ${old}`, "0000", "done"],
    [`want ${main}`, "0000", "done"],
    [`want ${main} ${words} filter`, `shallow ${old}`, "deepen 2", "filter tree:0", "0000", "done"],
  ];
  const pack = packOf(local.path, [next, `^${main}`], "--thin");
  const whole = packOf(local.path, [next]);
  const moves = `${older} ${next} refs/heads/main`;
  const pushes: [lines: string[], pack: Buffer][] = [
    [[`${moves}${banded}`, "0000"], pack],
    [[`${moves}${banded} atomic`, `${none} ${next} refs/heads/new`, "0000"], whole],
    [[`${moves}\0report-status-v2 quiet`, `${older} ${zero} refs/heads/open`, "0000"], whole],
    [[`${older} ${zero} refs/heads/open${banded}`, "0000"], Buffer.alloc(0)],
    [[`shallow ${old}`, `${none} ${none} refs/heads/new${banded}`, "0000"], pack],
    [[`${older} ${old} refs/heads/main/below${banded} push-options`, "0000", "a=b", "0000"], pack],
  ];
  return {
    requests: [
      ...version2.map((lines) => real("git-upload-pack", 2, packets(...lines))),
      ...version0.flatMap((lines) =>
        ([0, 1] as const).map((v) => real("git-upload-pack", v, packets(...lines))),
      ),
      ...pushes.map(([lines, bytes]) =>
        real("git-receive-pack", 0, Buffer.concat([packets(...lines), bytes])),
      ),
    ],
    vocabulary: [
      ...new Set([...version2, ...version0, ...pushes.map(([lines]) => lines)].flat()),
      "0002",
      "",
      "want",
      "have",
      `want ${"g".repeat(40)}`,
      "deepen 0",
      "deepen -1",
      "deepen 999999999999",
      "filter combine:",
      "filter tree:99999999999",
      "command=",
      "ERR no",
      "push-cert",
      "want-ref HEAD",
    ],
  };
}

function real(service: RealRequest["service"], version: 0 | 1 | 2, bytes: Buffer): RealRequest {
  return { service, version, bytes };
}

/** Lengths that are wrong, or right and absurd. */
const lengths = ["0000", "0001", "0003", "0004", "0005", "fff0", "fff1", "ffff", "zzzz", "-001", " 004"];

/** Breaks a request in one to four ways. */
export function breakRequest(bytes: Buffer, { requests, vocabulary }: RealRequests, random: Random): Buffer {
  const ways: readonly ((bytes: Buffer) => Buffer)[] = [
    (whole) => whole.subarray(0, anyPlace(whole, random)),
    (whole) => whole.subarray(anyPlace(whole, random)),
    (whole) => {
      const changed = Buffer.from(whole);
      for (let i = random.below(3); i >= 0 && changed.length > 0; i--)
        changed[random.below(changed.length)] = random.below(256);
      return changed;
    },
    (whole) => insert(whole, anyPlace(whole, random), random.bytes(1 + random.below(60))),
    (whole) => {
      const at = anyPlace(whole, random);
      return Buffer.concat([whole.subarray(0, at), whole.subarray(at + 1 + random.below(80))]);
    },
    (whole) => {
      const at = packetPlace(whole, random);
      return Buffer.concat([
        whole.subarray(0, at),
        Buffer.from(random.pick(lengths)),
        whole.subarray(at + 4),
      ]);
    },
    (whole) => insert(whole, packetPlace(whole, random), packets(random.pick(vocabulary))),
    (whole) => {
      const line = random.pick(vocabulary);
      const many = Array.from({ length: random.below(200) }, () => line);
      return insert(whole, packetPlace(whole, random), packets(...many));
    },
    (whole) => {
      const other = random.pick(requests).bytes;
      const start = whole.subarray(0, packetPlace(whole, random));
      return Buffer.concat([start, other.subarray(packetPlace(other, random))]);
    },
    (whole) => insert(whole, packetPlace(whole, random), packets("x".repeat(random.below(65_516)))),
  ];
  let broken = bytes;
  for (let i = random.below(4); i >= 0; i--) broken = random.pick(ways)(broken);
  return broken;
}

function insert(bytes: Buffer, at: number, more: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
}

function anyPlace(bytes: Buffer, random: Random): number {
  return random.below(bytes.length + 1);
}

/** Where a packet begins, or would if the bytes were packets. */
function packetPlace(bytes: Buffer, random: Random): number {
  const places = [0];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = Number.parseInt(bytes.subarray(at, at + 4).toString("latin1"), 16);
    at += Number.isNaN(length) || length < 4 ? 4 : length;
    if (at <= bytes.length) places.push(at);
  }
  return random.pick(places);
}
