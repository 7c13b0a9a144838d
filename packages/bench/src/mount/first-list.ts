import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startServer } from "@millrace/server";
import { openFsStorage } from "@millrace/storage-fs";
import { millraceEnvironment, mountCli } from "../millrace.ts";

/** Who mounts: the command itself, or a daemon that runs already. */
export type Mounter = "foreground" | "daemon";

const POLL_MS = 1;

/**
 * Milliseconds from the moment in which the first bytes of the first pack are on their way to the mount, so that its root tree has not
 * arrived earlier, until its directory can be listed.
 * @param root a folder that holds the repository, which is called `name`
 * @param folder an empty one
 */
export async function firstList(
  { root, name }: { readonly root: string; readonly name: string },
  folder: string,
  mounter: Mounter,
): Promise<number> {
  const storage = openFsStorage({ root });
  const server = await startServer(storage, { host: "127.0.0.1", port: 0 }, { version: "bench" });
  const relay = await relayTo(server.address.port);
  const path = join(folder, "tree");
  await mkdir(path);
  const program = await mount(mounter, `http://127.0.0.1:${relay.port}/${name}`, path, folder);
  try {
    while ((await readdir(path)).length === 0) {
      program.check();
      await delay(POLL_MS);
    }
    return performance.now() - relay.packAt();
  } finally {
    await program.stop();
    await relay.close();
    await server.close(0);
    await storage[Symbol.asyncDispose]();
  }
}

interface Relay {
  readonly port: number;
  /** When the first pack began. Throws where none did. */
  packAt(): number;
  close(): Promise<void>;
}

/** Hands requests on, and notes when the first pack goes by. */
async function relayTo(port: number): Promise<Relay> {
  let packAt: number | undefined;
  const server = createServer((asked, answer) => {
    const { method, url: path, headers } = asked;
    const onward = request({ port, method, path, headers }, (answered) => {
      answer.writeHead(answered.statusCode!, answered.headers);
      answered.on("data", (bytes: Buffer) => {
        if (packAt === undefined && bytes.includes("PACK")) packAt = performance.now();
      });
      answered.pipe(answer);
    });
    asked.pipe(onward);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    packAt() {
      if (packAt === undefined) throw new Error("a mount could be listed, and no pack had come");
      return packAt;
    },
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

interface Program {
  /** Throws where it has ended. */
  check(): void;
  stop(): Promise<void>;
}

async function mount(mounter: Mounter, url: string, path: string, folder: string): Promise<Program> {
  const folders = ["--state", join(folder, "state"), "--cache-dir", join(folder, "blobs")];
  const env = millraceEnvironment(folder);
  const args = mounter === "daemon" ? ["daemon", ...folders] : [...folders, url, path];
  const child = spawn(process.execPath, [mountCli, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const ended = once(child, "exit");
  const check = (): void => {
    if (child.exitCode !== null) throw new Error(`millrace-mount has ended: ${said}`);
  };
  if (mounter === "daemon") {
    await Promise.race([once(child.stdout, "data"), ended]);
    check();
    const adding = [mountCli, "add", "--state", join(folder, "state"), url, path];
    spawn(process.execPath, adding, { env, stdio: "ignore" });
  } else child.stdout.resume();
  return {
    check,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
