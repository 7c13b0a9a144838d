import { createServer, request as sendRequest } from "node:http";
import type { AddressInfo } from "node:net";

/** A way to a web server that counts what passes. */
export interface RequestCounter extends AsyncDisposable {
  readonly url: string;
  /** The methods of the requests, in order. */
  readonly requests: string[];
}

/** Stands before the server at `target` and passes everything on as it is. */
export async function startRequestCounter(target: string): Promise<RequestCounter> {
  const requests: string[] = [];
  const { hostname, port } = new URL(target);
  const server = createServer((request, response) => {
    const { method = "", url: path, headers } = request;
    requests.push(method);
    const onward = sendRequest({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
