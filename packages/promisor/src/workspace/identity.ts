import { PromisorError } from "../errors.ts";

/** Who did something, and when. */
export interface Identity {
  readonly name: string;
  readonly email: string;
  /** Default: now. */
  readonly date?: Date | undefined;
  /** Minutes east of UTC. Default 0. */
  readonly zoneMinutes?: number | undefined;
}

const MAX_ZONE_MINUTES = 24 * 60;

/**
 * An identity as commits have it (gitformat, "author"): one character a byte. Characters that would end it are left out, as
 * git does.
 * Throws `PROMISOR_BAD_ARGUMENT` where nothing is left of the name, or date and zone are none.
 */
export function formatIdentity(identity: Identity): string {
  const { date = new Date(), zoneMinutes = 0 } = identity;
  const [name, email] = [identity.name, identity.email].map((text) =>
    text.replace(/[\n\0<>]/g, "").replace(/^[\s.,:;"'\\]+|[\s.,:;"'\\]+$/g, ""),
  );
  const seconds = Math.floor(date.getTime() / 1000);
  const isZone = Number.isInteger(zoneMinutes) && Math.abs(zoneMinutes) < MAX_ZONE_MINUTES;
  if (name === "" || !Number.isSafeInteger(seconds) || seconds < 0 || !isZone) {
    throw new PromisorError("PROMISOR_BAD_ARGUMENT", "an identity has a name, a time and a zone");
  }
  const minutes = Math.abs(zoneMinutes);
  const digits = String(Math.floor(minutes / 60) * 100 + (minutes % 60)).padStart(4, "0");
  const line = `${name} <${email}> ${seconds} ${zoneMinutes < 0 ? "-" : "+"}${digits}`;
  return Buffer.from(line).toString("latin1");
}
