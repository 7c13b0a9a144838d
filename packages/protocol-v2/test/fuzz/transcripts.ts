import type { ProtocolVersion } from "../../src/index.ts";
import { packets } from "../support/packets.ts";

/** What a client that knows the protocol says, and in which conversation. */
export interface Transcript {
  readonly service: "upload-pack" | "receive-pack";
  readonly version: ProtocolVersion;
  readonly stateless: boolean;
  readonly bytes: Buffer;
}

const oid = (digit: string): string => digit.repeat(40);
const [a, b, c, zero] = [oid("a"), oid("b"), oid("c"), oid("0")];
const pack = Buffer.concat([Buffer.from("PACK\0\0\0\u0002\0\0\0\0", "latin1"), Buffer.alloc(20, 7)]);
const detailed = "multi_ack_detailed no-done side-band-64k thin-pack ofs-delta agent=git/2.39.5";

const version2: string[][] = [
  [
    "command=ls-refs",
    "agent=git/x",
    "object-format=sha1",
    "0001",
    "peel",
    "symrefs",
    "unborn",
    "ref-prefix HEAD",
    "0000",
  ],
  [
    "command=fetch",
    "server-option=x",
    "session-id=y",
    "0001",
    "thin-pack",
    "ofs-delta",
    `want ${a}`,
    "done",
    "0000",
  ],
  ["command=fetch", "0001", `want ${a}`, `have ${b}`, `have ${c}`, "include-tag", "0000"],
  ["command=fetch", "0001", "sideband-all", `want ${a}`, `have ${b}`, "wait-for-done", "0000"],
  [
    "command=fetch",
    "0001",
    `want ${a}`,
    `shallow ${b}`,
    "deepen 3",
    "deepen-relative",
    "filter blob:none",
    "done",
    "0000",
  ],
  [
    "command=fetch",
    "0001",
    "sideband-all",
    "want-ref HEAD",
    "deepen-since 1700000000",
    "deepen-not main",
    "done",
    "0000",
  ],
  [
    "command=fetch",
    "0001",
    `want ${a}`,
    "filter combine:tree:1+blob:limit=1k",
    "no-progress",
    "done",
    "0000",
  ],
  ["command=object-info", "0001", "size", `oid ${a}`, `oid ${b}`, "0000"],
];
const version0: string[][] = [
  [`want ${a} ${detailed}`, `want ${b}`, "0000", `have ${c}`, `have ${b}`, "0000", "done"],
  [
    `want ${a} multi_ack side-band no-progress include-tag`,
    "0000",
    `have ${b}`,
    "0000",
    `have ${c}`,
    "0000",
    "done",
  ],
  [`want ${a}`, "0000", `have ${c}`, "0000", `have ${b}`, "0000", "done"],
  [
    `want ${a} ${detailed} filter deepen-relative`,
    `shallow ${b}`,
    "deepen 2",
    "filter tree:0",
    "0000",
    "done",
  ],
  [`want ${a} side-band-64k`, "deepen-since 1700000000", "deepen-not main", "0000", "done"],
];
const words = "report-status-v2 side-band-64k push-options object-format=sha1 agent=git/2.39.5";
const pushes: [lines: string[], pack: Buffer][] = [
  [
    [`${zero} ${a} refs/heads/x\0${words} atomic`, `${a} ${b} refs/heads/y`, "0000", "option=1", "0000"],
    pack,
  ],
  [[`${a} ${zero} refs/heads/x\0report-status quiet`, "0000"], Buffer.alloc(0)],
  [[`shallow ${c}`, `${zero} ${a} refs/heads/x\0report-status`, `${zero} ${b} refs/heads/x`, "0000"], pack],
];

/** Real conversations, of both services and all versions. */
export const transcripts: readonly [Transcript, ...Transcript[]] = [
  {
    service: "upload-pack",
    version: 2,
    stateless: false,
    bytes: Buffer.concat([...version2.map((lines) => packets(...lines)), packets("0000")]),
  },
  ...version2.map((lines) => one("upload-pack", 2, true, packets(...lines))),
  ...version0.flatMap((lines) =>
    ([0, 1] as const).flatMap((version) =>
      [true, false].map((stateless) => one("upload-pack", version, stateless, packets(...lines))),
    ),
  ),
  ...pushes.flatMap(([lines, bytes]) =>
    [true, false].map((stateless) =>
      one("receive-pack", 0, stateless, Buffer.concat([packets(...lines), bytes])),
    ),
  ),
];

function one(
  service: Transcript["service"],
  version: ProtocolVersion,
  stateless: boolean,
  bytes: Buffer,
): Transcript {
  return { service, version, stateless, bytes };
}

/** Lines that mean something somewhere, to be put where they do not. */
export const vocabulary: readonly [string, ...string[]] = [
  ...([...new Set([...version2, ...version0, ...pushes.map(([lines]) => lines)].flat())] as [string]),
  "0002",
  "",
  "want",
  "have",
  `want ${"g".repeat(40)}`,
  "deepen 0",
  "deepen -1",
  "filter combine:",
  "command=",
  "ERR no",
];
