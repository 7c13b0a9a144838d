import { clientError } from "../errors.ts";
import { printable } from "../printable.ts";
import type { Capability } from "./capability.ts";

/** `object-format`: the hash function; the request's must be the repository's. */
export const objectFormat: Capability = {
  name: "object-format",
  advertise: ({ host }) => host.objectFormat,
  receive(value) {
    if (value === undefined) {
      throw clientError("PROTOCOL_BAD_REQUEST", "object-format capability requires an argument");
    }
    if (value !== "sha1" && value !== "sha256") {
      throw clientError("PROTOCOL_OBJECT_FORMAT", `unknown object format '${printable(value)}'`);
    }
  },
};

/** Compares once all capabilities are known, since a request without this one speaks of sha1. */
export function checkObjectFormat(server: string, client: string | undefined): void {
  const spoken = client ?? "sha1";
  if (spoken !== server) {
    throw clientError(
      "PROTOCOL_OBJECT_FORMAT",
      `mismatched object format: server ${server}; client ${spoken}`,
    );
  }
}
