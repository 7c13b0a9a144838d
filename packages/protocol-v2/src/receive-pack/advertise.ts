import type { RefHost } from "../host.ts";
import { createLineBatch } from "../line-batch.ts";
import { zeroOid } from "../object-id.ts";
import { ReceivePackAdvertiseOptions } from "../schema.ts";
import { advertisedPushCapabilities } from "./capabilities.ts";

/**
 * What `git-receive-pack` says first: every ref with its id, the capabilities behind the first. Pushes have no version
 * 2: asked for it, this answers as in version 0, over HTTP without the line that names the service, as git does.
 * Implements gitprotocol-pack, "Reference Discovery", and gitprotocol-http, "Smart Server Response".
 */
export async function* advertiseReceivePack(
  host: RefHost,
  options: ReceivePackAdvertiseOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { version, http, signal, atomic, agent } = ReceivePackAdvertiseOptions.parse(options);
  signal?.throwIfAborted();
  const words = advertisedPushCapabilities({ objectFormat: host.objectFormat, agent, atomic });
  const lines = createLineBatch();
  if (http && version !== 2) {
    lines.add("# service=git-receive-pack\n");
    lines.addPacket("0000");
  }
  if (version === 1) lines.add("version 1\n");
  let first = true;
  // HEAD is not told: pushes go to refs.
  for await (const ref of host.listRefs({ prefixes: ["refs/"], signal })) {
    lines.add(first ? `${ref.oid} ${ref.name}\0${words}\n` : `${ref.oid} ${ref.name}\n`);
    first = false;
    if (lines.full) yield lines.take();
  }
  if (first) lines.add(`${zeroOid(host.objectFormat)} capabilities^{}\0${words}\n`);
  lines.addPacket("0000");
  yield lines.take();
}
