#!/usr/bin/env node
import { createRequire } from "node:module";
import { openWhereItLies } from "./remote-helper/open-repository.ts";
import { runRemoteHelper } from "./remote-helper/remote-helper.ts";
import { wordsOf } from "./told-error.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };
// Which versions of Node will do is npm's to say, and not to be said again with each fetch.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
// git may go while it is told something, and has said why: nobody reads what follows.
const GONE = new Set(["EPIPE", "ERR_STREAM_PREMATURE_CLOSE", "ERR_STREAM_DESTROYED"]);
process.stdout.on("error", () => undefined);
const say = (error: unknown): void => {
  process.stderr.write(`git-remote-millrace: ${wordsOf(error)}\n`);
};
// git names the remote and its address; where the remote is an address, twice that.
const [, , remote, address] = process.argv;
try {
  if (remote === "--version") process.stdout.write(`${version}\n`);
  else if (address === undefined) {
    throw new Error("git runs this program, for remotes like millrace::s3://bucket/prefix/name");
  } else {
    process.exitCode = await runRemoteHelper({
      input: process.stdin,
      output: process.stdout,
      open: (service) => openWhereItLies(address, service, process.env),
      agent: `millrace/${version}`,
      onFault: say,
    });
  }
} catch (error) {
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== "string" || !GONE.has(code)) say(error);
  process.exitCode = 128;
}
// git may keep its end open; nothing more is read from it.
process.stdin.destroy();
