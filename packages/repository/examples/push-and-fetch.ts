import { hashObject, oidFromBytes, writePack } from "@millrace/pack";
import { openRepository } from "@millrace/repository";
import { createMemoryStorage } from "@millrace/storage";

/** Pushes one blob under a tag into a repository in memory, and packs it again for a client that has nothing. */
export async function pushAndFetch(text: string): Promise<{ oid: string; packBytes: number }> {
  const content = new TextEncoder().encode(text);
  const oid = oidFromBytes(hashObject("sha1", "blob", content), 0, "sha1");
  const blob = {
    oid,
    type: "blob",
    sizeBytes: content.length,
    stream: async function* () {
      yield content;
    },
  } as const;

  const storage = createMemoryStorage();
  const repository = openRepository(await storage.create("notes.git"));

  const receiver = await repository.openReceiver();
  const { unpackError, refs } = await receiver.receive({
    commands: [{ name: "refs/tags/note", old: null, new: oid }],
    atomic: true,
    pack: writePack({ format: "sha1", packs: [], loose: [blob], ofsDelta: true }),
  });
  await receiver[Symbol.asyncDispose]();
  if (unpackError !== undefined || refs[0]?.error !== undefined) throw new Error("the push was refused");

  const view = await repository.openView();
  let packBytes = 0;
  for await (const chunk of view.createPack({
    wants: [oid],
    haves: [],
    thinPack: false,
    ofsDelta: true,
    includeTag: false,
  })) {
    packBytes += chunk.length;
  }
  await view[Symbol.asyncDispose]();
  await repository[Symbol.asyncDispose]();
  return { oid, packBytes };
}
