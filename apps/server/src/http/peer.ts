import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

const FORWARDING_HEADERS = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"] as const;

/**
 * Whether a request comes from this machine itself: a loopback peer that asks for a loopback host and was not
 * forwarded. The host is looked at since a page in a browser can make requests to 127.0.0.1 under a name of its own.
 */
export function isLoopbackRequest(request: IncomingMessage): boolean {
  const { remoteAddress } = request.socket;
  if (remoteAddress === undefined || !isLoopbackAddress(remoteAddress)) return false;
  if (FORWARDING_HEADERS.some((name) => request.headers[name] !== undefined)) return false;
  return isLoopbackHost(request.headers.host);
}

/** Whether an address belongs to the loopback interface, IPv4 in IPv6 included. */
export function isLoopbackAddress(address: string): boolean {
  const plain = address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
  const version = isIP(plain);
  return version !== 0 && loopback.check(plain, version === 4 ? "ipv4" : "ipv6");
}

function isLoopbackHost(host: string | undefined): boolean {
  if (host === undefined) return false;
  const name = host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return name.toLowerCase() === "localhost" || isLoopbackAddress(name);
}
