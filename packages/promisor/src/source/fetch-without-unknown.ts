import type { Oid } from "@millrace/pack";

/** What a server says of an object that it does not have, or does not give away (the `remoteMessage` of an error). */
const NOT_OUR_REF = /not our ref ([0-9a-f]{40,64})/;

/**
 * Fetches what is wanted, and again without an object that the server says it does not have: one must not keep the others away.
 * @param wants is asked before each fetch; nothing is fetched where it is empty
 * @param onUnknown is told of such an object, which is wanted no more then
 * Throws what `fetch` throws otherwise.
 */
export async function fetchWithoutUnknown(
  wants: () => readonly Oid[],
  fetch: (wants: readonly Oid[]) => Promise<void>,
  onUnknown: (oid: Oid, error: unknown) => void,
): Promise<void> {
  for (let wanted = wants(); wanted.length > 0; wanted = wants()) {
    try {
      await fetch(wanted);
      return;
    } catch (error) {
      const oid = unknownTo(error);
      if (oid === undefined || !wanted.includes(oid)) throw error;
      onUnknown(oid, error);
    }
  }
}

/** The object that a server says it does not have. */
function unknownTo(error: unknown): Oid | undefined {
  const { code, remoteMessage } = (error ?? {}) as {
    readonly code?: unknown;
    readonly remoteMessage?: string;
  };
  return code === "PROTOCOL_REMOTE_FAILED" ? NOT_OUR_REF.exec(remoteMessage ?? "")?.[1] : undefined;
}
