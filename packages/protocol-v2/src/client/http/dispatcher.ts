import { Agent, type Dispatcher, ProxyAgent } from "undici";
import type { FilledHttpTransportOptions } from "./schema.ts";

/** The connections of one transport. */
export function createDispatcher(options: FilledHttpTransportOptions): Dispatcher {
  const { ca, clientCertificate, verifyTls: rejectUnauthorized } = options;
  const connect = {
    rejectUnauthorized,
    ...(ca === undefined ? {} : { ca: typeof ca === "string" ? ca : [...ca] }),
    ...clientCertificate,
    timeout: options.connectTimeoutMs,
  };
  const common = {
    connections: options.maxConnections,
    headersTimeout: options.answerTimeoutMs,
    bodyTimeout: options.answerTimeoutMs,
    maxHeaderSize: 64 * 1024,
  };
  return options.proxy === undefined
    ? new Agent({ ...common, connect })
    : new ProxyAgent({ ...common, uri: options.proxy, requestTls: connect });
}
