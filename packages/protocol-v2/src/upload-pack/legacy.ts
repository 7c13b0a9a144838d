import { clientError, type ProtocolError } from "../errors.ts";
import { lastWords } from "../last-words.ts";
import { createLineBatch } from "../line-batch.ts";

const refusal =
  "this server serves fetches in protocol version 2 only; use git 2.18 or newer with protocol.version=2";

/** What a client of version 0 or 1 is told. */
export function legacyRefusal(): ProtocolError {
  return clientError("PROTOCOL_UNSUPPORTED_VERSION", refusal);
}

/** The same where the refs would be told; over HTTP behind the line that names the service. */
export function advertiseLegacy(http: boolean): Uint8Array {
  if (!http) return lastWords(refusal, false);
  const lines = createLineBatch();
  lines.add("# service=git-upload-pack\n");
  lines.addPacket("0000");
  lines.add(`ERR ${refusal}`);
  return lines.take();
}
