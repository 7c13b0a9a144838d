import type { IncomingMessage } from "node:http";
import { S3Fault } from "./s3-fault.ts";

/** A request that is signed by somebody known, taken apart. */
export interface S3Request {
  readonly incoming: IncomingMessage;
  readonly method: string;
  readonly bucketName: string;
  /** Its bytes, one a character; empty where the bucket itself is asked. */
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
}

/** The SDK says in its queries what is called; that changes nothing. */
const IGNORED_QUERY: ReadonlySet<string> = new Set(["x-id"]);

/** Takes a request apart. Throws `S3Fault` where its address is none. */
export function parseRequest(incoming: IncomingMessage): S3Request {
  const { method = "", url = "" } = incoming;
  const [path = "", search = ""] = url.split("?", 2);
  const query = new Map<string, string>();
  for (const pair of search === "" ? [] : search.split("&")) {
    const [name = "", value = ""] = pair.split("=", 2).map((text) => bytesOf(text));
    if (!IGNORED_QUERY.has(name)) query.set(name, value);
  }
  const [, bucketName = "", rest = ""] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  return { incoming, method, bucketName: bytesOf(bucketName), key: bytesOf(rest), query };
}

/** What percent signs stand for, as bytes, one a character. */
function bytesOf(text: string): string {
  try {
    return Buffer.from(decodeURIComponent(text)).toString("latin1");
  } catch (cause) {
    throw new S3Fault(400, "InvalidURI", (cause as Error).message);
  }
}

/** The text that such bytes are. */
export function textOf(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString();
}
