import { type GitServer, startServer } from "@millrace/server";
import { createMemoryStorage } from "@millrace/storage";

/** A git server whose repositories live in memory: good for tests of anything that talks to git. */
export function serveMemory(port: number): Promise<GitServer> {
  return startServer(createMemoryStorage(), { host: "127.0.0.1", port }, { version: "1.0.0" });
}
