import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { DELIM, FLUSH, pktLine } from "@millrace/pktline";

/** A web server under a test's control, and what reached it. */
export interface HttpFixture extends AsyncDisposable {
  readonly origin: string;
  readonly requests: readonly Pick<IncomingMessage, "headers" | "method" | "url">[];
  /** Answers those who take it for a proxy and want a tunnel. */
  onConnect(answer: (socket: Duplex) => void): void;
}

export async function startHttpFixture(answer: RequestListener): Promise<HttpFixture> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    requests,
    onConnect: (answer) => void server.on("connect", (_, socket) => answer(socket)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const OID = "c".repeat(40);

/** What a small server of version 2 says first. */
export const ADVERTISEMENT: Uint8Array = packets(
  "# service=git-upload-pack",
  "0000",
  "version 2",
  "agent=fixture/1",
  "ls-refs=unborn",
  "fetch=shallow filter",
  "object-format=sha1",
  "0000",
);

/** One ref. */
export const REFS: Uint8Array = packets(`${OID} refs/heads/main`, "0000");

/** Packets out of texts; `0000` and `0001` stand for themselves. */
export function packets(...texts: readonly string[]): Uint8Array {
  return Buffer.concat(
    texts.map((text) => (text === "0000" ? FLUSH : text === "0001" ? DELIM : pktLine(`${text}\n`))),
  );
}

/** Answers as a git server that has one ref, unless `special` has answered already. */
export function answerAsGit(
  special: (...args: Parameters<RequestListener>) => boolean = () => false,
): RequestListener {
  return (request, response) => {
    if (special(request, response)) return;
    const isAdvertisement = request.method === "GET";
    request.resume();
    request.on("end", () => {
      const kind = isAdvertisement ? "advertisement" : "result";
      response.setHeader("content-type", `application/x-git-upload-pack-${kind}`);
      response.end(isAdvertisement ? ADVERTISEMENT : REFS);
    });
  };
}
