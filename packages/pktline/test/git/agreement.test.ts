import { writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createPktDecoder,
  createPktReader,
  createProgressQueue,
  DELIM,
  demuxSideband,
  errorPkt,
  errorPktText,
  FLUSH,
  muxSideband,
  type PktLine,
  pktLine,
  pktText,
  sidebandPackets,
} from "../../src/index.ts";
import { all, concat, expectSame, utf8 } from "../bytes.ts";
import { git, makeRepository, uploadPack } from "./repository.ts";

let repository: ReturnType<typeof makeRepository>;
beforeAll(() => {
  repository = makeRepository();
});
afterAll(() => repository.remove());

const again = (packet: PktLine): Uint8Array =>
  packet.type === "data" ? pktLine(packet.bytes) : packet.type === "flush" ? FLUSH : DELIM;
const headOf = async (): Promise<string> =>
  Buffer.from((await git(["-C", repository.work, "rev-parse", "HEAD"])).stdout)
    .toString()
    .trim();

describe("frames that git writes", () => {
  it.each([0, 1, 2])(
    "are read, and written back byte for byte (advertisement, protocol %i)",
    async (version) => {
      const { stdout } = await git(["upload-pack", "--advertise-refs", repository.work], undefined, {
        GIT_PROTOCOL: `version=${version}`,
      });
      for (const size of [1, 3, 1000, stdout.length]) {
        const decoder = createPktDecoder();
        const packets: Uint8Array[] = [];
        const texts: string[] = [];
        for (let at = 0; at < stdout.length; at += size) {
          decoder.push(stdout.subarray(at, at + size));
          for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
            packets.push(again(packet));
            texts.push(pktText(packet));
          }
        }
        decoder.end();
        expectSame(concat(packets), stdout);
        if (version === 2) expect(texts).toContain("version 2");
        else expect(texts).toContain(`${await headOf()} refs/heads/main`);
      }
    },
  );

  it("carry a pack that index-pack takes, and progress", async () => {
    const request = concat([
      pktLine("command=fetch"),
      DELIM,
      pktLine("ofs-delta\n"),
      pktLine(`want ${await headOf()}\n`),
      pktLine("done\n"),
      FLUSH,
    ]);
    const { stdout } = await git(["upload-pack", "--stateless-rpc", repository.work], request, {
      GIT_PROTOCOL: "version=2",
    });
    const reader = createPktReader([stdout]);
    const first = await reader.read();
    expect(first === undefined ? "" : pktText(first)).toBe("packfile");
    let told = "";
    const pack = concat(await all(demuxSideband(reader, { onProgress: (text) => void (told += text) })));
    expect(await reader.read()).toBeUndefined();
    expect(told).toMatch(/Counting objects: 100%.*, done\.\n/);
    const { status, stderr } = await git(
      ["-C", repository.work, "index-pack", "--stdin", "--strict", join(repository.folder, "fetched.pack")],
      pack,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("say in an ERR packet what is wrong", async () => {
    const request = concat([
      pktLine("command=fetch"),
      DELIM,
      pktLine(`want ${"1".repeat(40)}`),
      pktLine("done"),
      FLUSH,
    ]);
    const { stdout } = await git(["upload-pack", "--stateless-rpc", repository.work], request, {
      GIT_PROTOCOL: "version=2",
    });
    const packet = await createPktReader([stdout]).read();
    expect(packet === undefined ? undefined : errorPktText(packet)).toBe(
      `upload-pack: not our ref ${"1".repeat(40)}`,
    );
  });
});

describe("frames that git reads", () => {
  let server: Server;
  const failures: unknown[] = [];
  let url: string;
  /** What stands between the client and git's own upload-pack: takes its sideband apart and sends it anew. */
  let sideband: (pack: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

  async function* relay(answer: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const reader = createPktReader(answer);
    for (let packet = await reader.read(); packet !== undefined; packet = await reader.read()) {
      yield again(packet);
      if (pktText(packet) === "NAK") yield* sideband(demuxSideband(reader));
    }
  }

  beforeAll(async () => {
    const socketPath = join(repository.folder, "socket");
    const bridge = join(repository.folder, "bridge.mjs");
    writeFileSync(
      bridge,
      `import { connect } from "node:net";
       const socket = connect(process.argv[2]);
       process.stdin.pipe(socket).pipe(process.stdout);`,
    );
    server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
      const child = uploadPack(repository.work);
      const { stdin, stdout } = child;
      if (stdin === null || stdout === null) throw new Error("no pipes");
      // Not by pipeline: it would destroy the socket when upload-pack leaves, with the answer still on its way.
      socket.pipe(stdin);
      stdin.on("error", () => {});
      pipeline(Readable.from(relay(stdout)), socket).catch((error: unknown) => void failures.push(error));
      child.once("error", () => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    url = `ext::${process.execPath} ${bridge} ${socketPath}`;
  });
  afterAll(async () => await new Promise((resolve) => server.close(resolve)));

  const clone = async (name: string): ReturnType<typeof git> =>
    await git([
      "-c",
      "protocol.ext.allow=always",
      "clone",
      "--bare",
      "--progress",
      url,
      join(repository.folder, name),
    ]);

  it("carry a clone, its progress and signs of life", async () => {
    const progress = createProgressQueue();
    sideband = async function* (pack) {
      const slow = (async function* () {
        progress.push("the mill turns\n");
        await new Promise((resolve) => setTimeout(resolve, 30));
        yield* pack;
        progress.push("the mill rests\n");
      })();
      yield* muxSideband(slow, { progress, keepAliveMs: 5 });
      yield FLUSH;
    };
    const { status, stderr } = await clone("clone.git");
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringContaining("remote: the mill turns") as string,
    });
    expect(stderr).toContain("remote: the mill rests");
    expect(failures).toEqual([]);
    const fsck = await git(["-C", join(repository.folder, "clone.git"), "fsck", "--strict"]);
    expect(fsck.status).toBe(0);
    const heads = await git(["-C", join(repository.folder, "clone.git"), "rev-parse", "main"]);
    expect(Buffer.from(heads.stdout).toString().trim()).toBe(await headOf());
  });

  it("end a clone with band 3", async () => {
    sideband = async function* () {
      yield sidebandPackets(1, utf8("PACK"));
      yield sidebandPackets(3, utf8("the mill has stopped\n"));
    };
    const { status, stderr } = await clone("stopped.git");
    expect(status).not.toBe(0);
    expect(stderr).toContain("remote: the mill has stopped");
  });

  it("end a conversation with an ERR packet", async () => {
    const file = join(repository.folder, "error");
    writeFileSync(file, errorPkt("no such mill"));
    const { status, stderr } = await git([
      "-c",
      "protocol.ext.allow=always",
      "ls-remote",
      `ext::cat ${file}`,
    ]);
    expect(status).not.toBe(0);
    expect(stderr).toContain("fatal: remote error: no such mill");
  });
});
