/**
 * Serves a folder of repositories with `git http-backend`, as a web server runs it (CGI). Answers over the IPC channel
 * what the git processes have spent; its own time does not count.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { ProbeAnswer, ProbeQuestion } from "./probe-messages.ts";

const TICKS_PER_SECOND = 100;
const [root = "."] = process.argv.slice(2);
let busy = 0;

process.on("message", ({ id }: ProbeQuestion) => {
  const stat = readFileSync("/proc/self/stat", "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // cutime and cstime (proc_pid_stat), of which the first field here is the third there.
  const cpuSeconds = (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
  process.send?.({ id, cpuSeconds, busy } satisfies ProbeAnswer);
});

const server = createServer(answer);
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? "", "http://localhost");
  const { headers } = request;
  busy++;
  const backend = spawn("git", ["http-backend"], {
    env: {
      ...process.env,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      REMOTE_USER: "bench",
      REQUEST_METHOD: request.method ?? "",
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: headers["content-type"] ?? "",
      CONTENT_LENGTH: headers["content-length"] ?? "",
      HTTP_CONTENT_ENCODING: headers["content-encoding"] ?? "",
      GIT_PROTOCOL: [headers["git-protocol"] ?? ""].flat().join(":"),
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  backend.once("exit", () => busy--);
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
}
