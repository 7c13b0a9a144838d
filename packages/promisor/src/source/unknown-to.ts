import type { Oid } from "@millrace/pack";

/** What a server says of an object that it does not have, or does not give away (the `remoteMessage` of an error). */
const NOT_OUR_REF = /not our ref ([0-9a-f]{40,64})/;

/** The object that a server says it does not have. */
export function unknownTo(error: unknown): Oid | undefined {
  const { code, remoteMessage } = (error ?? {}) as {
    readonly code?: unknown;
    readonly remoteMessage?: string;
  };
  return code === "PROTOCOL_REMOTE_FAILED" ? NOT_OUR_REF.exec(remoteMessage ?? "")?.[1] : undefined;
}
