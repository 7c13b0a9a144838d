import { type ChildProcess, spawn } from "node:child_process";
import { type IncomingHttpHeaders, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Readable } from "node:stream";
import { gitEnvironment } from "./git.ts";

/** The real git's own HTTP service. */
export interface GitHttpBackend extends AsyncDisposable {
  readonly url: string;
}

/** Serves a folder of repositories with `git http-backend`, the program, as a web server runs it (CGI). */
export async function startGitHttpBackend(root: string): Promise<GitHttpBackend> {
  const options = { user: "tester", env: gitEnvironment, stderr: "ignore" } as const;
  const server = createServer((request, response) => {
    answerWithBackend(root, request, response, options);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** How a request is handed to `git http-backend`. */
export interface BackendOptions {
  /** Who pushes. */
  readonly user: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where it complains. */
  readonly stderr: "inherit" | "ignore";
}

/** A request that came, or is made to look so. */
export interface BackendRequest extends Readable {
  readonly url?: string | undefined;
  readonly method?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/** Lets `git http-backend` answer one request, at the reader's pace; it ends with the connection. */
export function answerWithBackend(
  root: string,
  request: BackendRequest,
  response: ServerResponse,
  { user, env, stderr }: BackendOptions,
): ChildProcess {
  const { pathname, search } = new URL(request.url ?? "", "http://localhost");
  const { headers } = request;
  const backend = spawn("git", ["http-backend"], {
    env: {
      ...env,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      REMOTE_USER: user,
      REQUEST_METHOD: request.method ?? "",
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: headers["content-type"] ?? "",
      CONTENT_LENGTH: headers["content-length"] ?? "",
      HTTP_CONTENT_ENCODING: headers["content-encoding"] ?? "",
      GIT_PROTOCOL: [headers["git-protocol"] ?? ""].flat().join(":"),
    },
    stdio: ["pipe", "pipe", stderr],
  });
  backend.stdin.on("error", () => {});
  request.pipe(backend.stdin);
  let head = Buffer.alloc(0);
  const readHead = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    backend.stdout.off("data", readHead);
    for (const line of head.subarray(0, end).toString().split("\r\n")) {
      const [, name = "", value = ""] = /^([^:]+): (.*)$/.exec(line) ?? [];
      if (name === "Status") response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.write(head.subarray(end + 4));
    backend.stdout.pipe(response);
  };
  backend.stdout.on("data", readHead);
  backend.stdout.once("end", () => response.end());
  response.once("close", () => {
    if (!response.writableFinished) backend.kill();
  });
  return backend;
}
