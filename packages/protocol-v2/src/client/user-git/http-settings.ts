import { readFile } from "node:fs/promises";
import { redactUrl } from "../credential.ts";
import type { HttpTransportOptions } from "../http/schema.ts";
import { askGit, type Environment } from "./ask-git.ts";
import { proxyInEnvironment, proxyUrl } from "./proxy.ts";

/** What stands for yes among git's values; a key without a value does, too. */
const YES = /^(?:true|yes|on|1|)$/i;

/**
 * How the user's git would reach a URL (git-config, `http.*`): its proxy, certificates and header, those of the most fitting
 * `http.<url>.*` section before the general ones, and environment variables before both, as git has it.
 * Throws what reading a file throws, and `PROTOCOL_UNSUPPORTED` for a proxy that is no HTTP proxy.
 */
export async function httpSettings(
  url: URL,
  environment: Environment,
  signal?: AbortSignal,
): Promise<HttpTransportOptions> {
  const question = ["config", "-z", "--get-urlmatch", "http", redactUrl(url)];
  const settings = read((await askGit(question, { environment, signal })) ?? "");
  const proxy = settings.get("http.proxy") ?? proxyInEnvironment(url, environment);
  const caFile = environment["GIT_SSL_CAINFO"] ?? settings.get("http.sslcainfo");
  const certFile = environment["GIT_SSL_CERT"] ?? settings.get("http.sslcert");
  const keyFile = environment["GIT_SSL_KEY"] ?? settings.get("http.sslkey") ?? certFile;
  const isUnchecked =
    environment["GIT_SSL_NO_VERIFY"] !== undefined || !YES.test(settings.get("http.sslverify") ?? "true");
  const [, name, value] = /^([^:]+):\s*(.*)$/s.exec(settings.get("http.extraheader") ?? "") ?? [];
  const userAgent = environment["GIT_HTTP_USER_AGENT"] ?? settings.get("http.useragent");
  return {
    proxy: proxy === undefined || proxy === "" ? undefined : proxyUrl(proxy),
    ca: caFile ? await readFile(caFile, "utf8") : undefined,
    clientCertificate:
      certFile && keyFile
        ? { cert: await readFile(certFile, "utf8"), key: await readFile(keyFile, "utf8") }
        : undefined,
    verifyTls: !isUnchecked,
    headers: name === undefined || value === undefined ? undefined : { [name.toLowerCase()]: value },
    ...(userAgent === undefined ? {} : { userAgent }),
  };
}

/** Keys and values as `git config -z` prints them. */
function read(printed: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  for (const line of printed.split("\0")) {
    const at = line.indexOf("\n");
    if (line !== "") settings.set(at < 0 ? line : line.slice(0, at), at < 0 ? "" : line.slice(at + 1));
  }
  return settings;
}
