import type { Oid } from "@millrace/pack";
import { createLineBatch } from "../line-batch.ts";
import { zeroOid } from "../object-id.ts";
import { refBatches } from "../ref-batches.ts";
import { ReceivePackAdvertiseOptions } from "../schema.ts";
import { type RefTeller, tellRefs } from "../tell-refs.ts";
import { advertisedPushCapabilities, type PushAdvertisingHost } from "./capabilities.ts";

/**
 * What `git-receive-pack` says first: every ref with its id, the capabilities behind the first; then what the repository
 * has besides, as `.have`, each object once; then its shallow roots where it has some. Pushes have no version
 * 2: asked for it, this answers as in version 0, over HTTP without the line that names the service, as git does.
 * Implements gitprotocol-pack, "Reference Discovery", and gitprotocol-http, "Smart Server Response".
 */
export async function* advertiseReceivePack(
  host: PushAdvertisingHost,
  options: ReceivePackAdvertiseOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { version, http, signal, atomic, agent, chunks } = ReceivePackAdvertiseOptions.parse(options);
  signal?.throwIfAborted();
  const words = advertisedPushCapabilities({ host, agent, atomic });
  const lines = createLineBatch({ chunks });
  if (http && version !== 2) {
    lines.add("# service=git-receive-pack\n");
    lines.addPacket("0000");
  }
  if (version === 1) lines.add("version 1\n");
  let first = true;
  const add = (oid: Oid, name: string): void => {
    lines.add(first ? `${oid} ${name}\0${words}\n` : `${oid} ${name}\n`);
    first = false;
  };
  const others = new Set<Oid>();
  for await (const oid of host.alternateTips?.({ signal }) ?? []) others.add(oid);
  const teller: RefTeller = {
    peeledForm: "none",
    tell({ oid, name }) {
      add(oid, name);
      others.delete(oid);
    },
  };
  // HEAD is not told: pushes go to refs.
  for await (const batch of refBatches(host, { prefixes: ["refs/"], signal })) {
    yield* tellRefs(batch, lines, teller, first || others.size > 0);
  }
  for (const oid of others) {
    add(oid, ".have");
    if (lines.full) yield lines.take();
  }
  if (first) add(zeroOid(host.objectFormat), "capabilities^{}");
  for (const oid of (await host.shallowRoots?.({ signal })) ?? []) {
    lines.add(`shallow ${oid}\n`);
    if (lines.full) yield lines.take();
  }
  lines.addPacket("0000");
  yield lines.take();
}
