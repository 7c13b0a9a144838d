/** Fetches a repository's objects one by one into the git directory that is its argument until it is killed. */
import { spawnSync } from "node:child_process";
import { createPromisor, openRemoteSource, openStoreCache, SharedPromisor } from "@millrace/promisor";
import { openDirectoryTransport, openRemote } from "@millrace/protocol-v2/client";
import { openFsRepository } from "@millrace/storage-fs";

const [directory = "", origin = ""] = process.argv.slice(2);
const listed = spawnSync("git", ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"], {
  cwd: origin,
});
const oids = listed.stdout.toString().trimEnd().split("\n");
const store = openStoreCache(await openFsRepository(directory), { consolidateAfter: 5 });
const source = openRemoteSource(openRemote(openDirectoryTransport(origin)));
const objects = new SharedPromisor(await createPromisor(source), { store });
process.stdout.write("ready\n");
for (;;) {
  await objects.fetchWithFilter([oids[Math.floor(Math.random() * oids.length)]!], {
    filter: "blob:none",
    depth: 2,
  });
}
