import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openDirectoryTransport, openRemote, type Remote } from "@millrace/protocol-v2/client";
import {
  createPromisor,
  openRemoteSource,
  openTree,
  SharedPromisor,
  type TreeView,
} from "../../src/index.ts";
import { type CountingSource, countRequests } from "./counting-source.ts";
import { createLentRepository, git, type LentRepository } from "./repository.ts";

/** A lent repository with files and names of all kinds, and its main branch as a tree that is read as it is needed. */
export interface OddTree extends AsyncDisposable {
  readonly lent: LentRepository;
  readonly remote: Remote;
  readonly source: CountingSource;
  readonly objects: SharedPromisor;
  readonly view: TreeView;
}

export async function openOddTree(): Promise<OddTree> {
  const lent = await createLentRepository();
  await addOddFiles(lent);
  const remote = openRemote(openDirectoryTransport(lent.path));
  const source = countRequests(openRemoteSource(remote));
  const objects = new SharedPromisor(await createPromisor(source));
  const view = await openTree({ objects, refs: remote }, "main");
  return {
    lent,
    remote,
    source,
    objects,
    view,
    async [Symbol.asyncDispose]() {
      await remote[Symbol.asyncDispose]();
      await lent[Symbol.asyncDispose]();
    },
  };
}

/** Commits what is hard to read or to search, and names the commits in all ways. */
async function addOddFiles(lent: LentRepository): Promise<void> {
  const { path } = lent;
  await mkdir(join(path, "odd", "deep", "deeper"), { recursive: true });
  const files: Record<string, string | Buffer> = {
    "odd/crlf.txt": "Alpha one\r\nbeta two\r\nALPHA three\r\n",
    "odd/no-feed.txt": "alpha\n\nbeta gamma",
    "odd/empty.txt": "",
    "odd/ünïcode.txt": "naïve café\nalpha ünd beta\nΩmega alpha\n",
    "odd/latin1.txt": Buffer.from("caf\xe9 alpha\nbeta\n", "latin1"),
    "odd/binary.bin": Buffer.from("alpha\0beta\n"),
    "odd/late.bin": Buffer.concat([Buffer.from("alpha\n".repeat(1500)), Buffer.from([0])]),
    "odd/deep/deeper/code.ts": 'export const alpha = (x) => x.y;\n// alpha.beta [x] {2}\n  return "a+b";\n',
    "odd/deep/run.sh": "#!/bin/sh\necho alpha $HOME\n",
    "odd/[set].txt": "brackets\n",
    ".hidden": "alpha\n",
    "odd/long.txt": `${"x".repeat(400_000)} alpha beta ${"y".repeat(900_000)}\nalpha\n${"z\n".repeat(70_000)}beta alpha`,
    "odd/feeds.txt": "\n\n\n",
    "odd/äpfel.txt": "Äpfel und Öl\näPFEL UND öL\nstraße STRASSE\nΣίσυφος σ ς\n",
    "odd/invalid.txt": Buffer.concat([
      Buffer.from("ü alpha "),
      Buffer.from([0xc3, 0x0a, 0xe2, 0x82]),
      Buffer.from(" beta\r\n\xff alpha", "latin1"),
    ]),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
  await chmod(join(path, "odd/deep/run.sh"), 0o755);
  await symlink("../README", join(path, "odd/link"));
  git(path, ["add", "."]);
  git(path, ["update-index", "--add", "--cacheinfo", `160000,${lent.oid("main")},vendor`]);
  git(path, ["commit", "-q", "-m", "odd"]);
  git(path, ["tag", "-a", "-m", "tag", "v1"]);
  git(path, ["tag", "-a", "-m", "tag of a tag", "v2", "v1"]);
  git(path, ["tag", "main-tree", "main^{tree}"]);
  git(path, ["branch", "side", "main~3"]);
  git(path, ["tag", "side", "main~2"]);
}
