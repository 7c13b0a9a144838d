import { clientError } from "../errors.ts";
import type { UploadPackHost } from "../host.ts";
import { createLineBatch } from "../line-batch.ts";
import { AdvertiseOptions } from "../schema.ts";
import { capabilities } from "./capabilities.ts";
import type { AdvertisingContext, AdvertisingHost } from "./capability.ts";
import { advertiseLegacyRefs } from "./legacy/advertise.ts";

/**
 * What `git-upload-pack` says first. In version 2 its capabilities, for which `host` needs nothing but its object format
 * and the members whose features are to be offered; before that the refs, which takes a whole host: else it throws
 * `PROTOCOL_UNSUPPORTED_VERSION`. Implements gitprotocol-v2, "Capability Advertisement", gitprotocol-pack, "Reference
 * Discovery", and gitprotocol-http, "Smart Clients".
 */
export async function* advertiseUploadPack(
  host: AdvertisingHost,
  options: AdvertiseOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { version, agent, http, signal, chunks } = AdvertiseOptions.parse(options);
  signal?.throwIfAborted();
  if (version === 2) yield capabilityAdvertisement({ host, agent });
  else if (isWhole(host)) {
    yield* advertiseLegacyRefs(host, { version, agent, stateless: true, http, signal, chunks });
  } else throw clientError("PROTOCOL_UNSUPPORTED_VERSION", "only protocol version 2 is served");
}

function isWhole(host: AdvertisingHost): host is UploadPackHost {
  return host.listRefs !== undefined;
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
