import type { RefHost } from "../host.ts";
import { createLineBatch } from "../line-batch.ts";
import { AdvertiseOptions } from "../schema.ts";
import type { AdvertisingContext } from "./capability.ts";
import { capabilities } from "./capabilities.ts";
import { advertiseLegacy } from "./legacy.ts";

/**
 * What `git-upload-pack` says first: in version 2 its capabilities, which need nothing from the repository but its
 * object format. Implements gitprotocol-v2, "Capability Advertisement", and gitprotocol-http, "Smart Clients".
 */
export async function* advertiseUploadPack(
  host: Pick<RefHost, "objectFormat">,
  options: AdvertiseOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const filled = AdvertiseOptions.parse(options);
  filled.signal?.throwIfAborted();
  if (filled.version !== 2) {
    yield advertiseLegacy(filled.http);
    return;
  }
  yield capabilityAdvertisement({ objectFormat: host.objectFormat, agent: filled.agent });
}

/** The advertisement of version 2, in one piece. */
export function capabilityAdvertisement(context: AdvertisingContext): Uint8Array {
  const lines = createLineBatch();
  lines.add("version 2\n");
  for (const capability of capabilities) {
    const value = capability.advertise(context);
    if (value === undefined) continue;
    lines.add(value === "" ? `${capability.name}\n` : `${capability.name}=${value}\n`);
  }
  lines.addPacket("0000");
  return lines.take();
}
