/**
 * Serves a folder of repositories with `git http-backend`, as a web server runs it (CGI). Answers over the IPC channel
 * what the git processes have spent; its own time does not count.
 */
import { readFileSync } from "node:fs";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { answerWithBackend } from "@millrace/scenarios/http-backend";
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
  busy++;
  const options = { user: "bench", env: process.env, stderr: "inherit" } as const;
  answerWithBackend(root, request, response, options).once("exit", () => busy--);
}
