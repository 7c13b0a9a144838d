import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MountError } from "../errors.ts";
import { connectControl } from "./control-client.ts";
import { serveControl, type Perform } from "./control-server.ts";
import { MAX_REQUEST_BYTES } from "./protocol.ts";

const PONG = { version: "1", pid: 1, mountRoot: "/mnt" };
let folder: string;
let server: AsyncDisposable | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-control-"));
});
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function serve(perform: Perform): Promise<string> {
  const path = join(folder, "control.sock");
  server = await serveControl(path, perform);
  return path;
}

/** Says something, and answers all that comes back until the other side hangs up. */
async function say(path: string, words: string | Uint8Array): Promise<string> {
  const socket = connect(path);
  let back = "";
  socket.setEncoding("utf8").on("data", (text: string) => (back += text));
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(words);
  await once(socket, "close");
  return back;
}

describe("a control socket", () => {
  test("is its owner's alone, and answers many questions at once", async () => {
    const path = await serve(async (request) => {
      if (request.command === "unmount") throw new MountError("MOUNT_UNKNOWN_NAME", "no such thing");
      return await Promise.resolve(request.command === "ping" ? PONG : []);
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    using client = await connectControl(path);
    const asked = Array.from({ length: 200 }, () => client.ask({ command: "ping" }));
    expect(await Promise.all(asked)).toEqual(asked.map(() => PONG));
    await expect(client.ask({ command: "unmount", name: "x", lazy: false })).rejects.toMatchObject({
      code: "MOUNT_UNKNOWN_NAME",
      message: "no such thing",
    });
    expect(await client.ask({ command: "status" })).toEqual([]);
  });

  test("tells whoever talks nonsense, and nobody else is harmed", async () => {
    const path = await serve(async () => await Promise.resolve(PONG));
    using client = await connectControl(path);
    const nonsense = [
      "GET / HTTP/1.1\r\n\r\n",
      "{}\n",
      '{"id":1,"request":{"command":"rm -rf"}}\n',
      '{"id":1,"request":{"command":"unmount","name":"../x","lazy":false}}\n',
      Buffer.alloc(MAX_REQUEST_BYTES + 2, "x"),
    ];
    for (const words of nonsense) {
      const back = await say(path, words);
      expect(JSON.parse(back)).toMatchObject({ id: null, ok: false, error: { code: "MOUNT_BAD_REQUEST" } });
    }
    expect(await client.ask({ command: "ping" })).toEqual(PONG);
  });

  test("shows no password that an error repeats", async () => {
    const path = await serve(async () => await Promise.reject(new Error("at https://a:hunter2@h/x: no")));
    using client = await connectControl(path);
    await expect(client.ask({ command: "ping" })).rejects.toThrow("at https://h/x: no");
  });

  test("ends the wait of a client that vanishes", async () => {
    let left: (() => void) | undefined;
    const gone = new Promise<void>((resolve) => (left = resolve));
    const path = await serve(async (request, signal) => {
      if (request.command === "ping") return PONG;
      return await new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          left?.();
          reject(signal.reason as Error);
        });
      });
    });
    {
      using client = await connectControl(path);
      client.ask({ command: "status" }).catch(() => undefined);
      await client.ask({ command: "ping" });
    }
    await gone;
    using other = await connectControl(path);
    expect(await other.ask({ command: "ping" })).toEqual(PONG);
  });

  test("that nobody serves is none, and one that is closed says so to those who wait", async () => {
    await expect(connectControl(join(folder, "none"))).rejects.toMatchObject({ code: "MOUNT_NO_DAEMON" });
    const path = await serve(async () => await new Promise(() => undefined));
    using client = await connectControl(path);
    const asked = client.ask({ command: "ping" });
    asked.catch(() => undefined);
    await server?.[Symbol.asyncDispose]();
    await expect(asked).rejects.toMatchObject({ code: "MOUNT_NO_DAEMON" });
    await expect(connectControl(path)).rejects.toMatchObject({ code: "MOUNT_NO_DAEMON" });
  });
});
