/** The versions of the wire protocol that git knows. */
export type ProtocolVersion = 0 | 1 | 2;

/**
 * The version a client asked for in `GIT_PROTOCOL` or in the `Git-Protocol` header: a colon-separated list, of whose
 * `version=` entries the highest known one counts. Without one it is 0.
 * Implements gitprotocol-v2, "Initial Client Request".
 */
export function parseProtocolVersion(text: string | undefined): ProtocolVersion {
  let version: ProtocolVersion = 0;
  for (const entry of (text ?? "").split(":")) {
    if (entry === "version=2") version = 2;
    else if (entry === "version=1" && version === 0) version = 1;
  }
  return version;
}
