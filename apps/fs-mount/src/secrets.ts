import { redactUrl } from "@millrace/protocol-v2/client";

/** Whether an address brings a password or a token along: of ssh a user's name is none, of http it may be one. */
export function hasSecret(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, username, password } = new URL(address);
  return password !== "" || (username !== "" && /^https?:$/.test(protocol));
}

const ADDRESS = /[a-z][a-z0-9+.-]*:\/\/[^\s'"<>]+/gi;

/** A text in which no address has a password: what others say, git or a server, may repeat one. */
export function concealSecrets(text: string): string {
  return text.replace(ADDRESS, (address) => {
    if (!hasSecret(address)) return address;
    const shown = redactUrl(address);
    // A path of nothing was not there before.
    return shown.endsWith("/") && !address.endsWith("/") ? shown.slice(0, -1) : shown;
  });
}
