import { ProtocolError } from "../../errors.ts";
import type { Environment } from "./ask-git.ts";

/**
 * The proxy that leads to a URL by the environment's variables, as curl reads them: `http_proxy` in small letters only, the others
 * in either. `undefined` where there is none.
 */
export function proxyInEnvironment(url: URL, environment: Environment): string | undefined {
  const either = (name: string): string | undefined => environment[name] ?? environment[name.toUpperCase()];
  if (isExcepted(url, either("no_proxy") ?? "")) return undefined;
  const own = url.protocol === "https:" ? either("https_proxy") : environment["http_proxy"];
  return own || either("all_proxy") || undefined;
}

/** A proxy's name as a URL. Throws `PROTOCOL_UNSUPPORTED` for one that is no HTTP proxy. */
export function proxyUrl(proxy: string): string {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
  if (/^https?:/i.test(url)) return url;
  throw new ProtocolError("PROTOCOL_UNSUPPORTED", `a proxy of ${/^[^:]*/.exec(url)![0]}, which is not HTTP`);
}

/** Whether a host, or a domain it lies in, is among those that are reached without a proxy. */
function isExcepted({ hostname, port }: URL, exceptions: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return exceptions.split(/[\s,]+/).some((text) => {
    if (text === "*") return true;
    const [, name = "", only] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(text.toLowerCase()) ?? [];
    const domain = name.replace(/^\*?\.+/, "");
    if (domain === "" || (only !== undefined && only !== port)) return false;
    return host === domain || host.endsWith(`.${domain}`);
  });
}
