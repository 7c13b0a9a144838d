// Stands where git expects `git-upload-pack` or `git-receive-pack`: hands its standard input and output to the test
// that listens at the socket. usage: node bridge.mjs <socket> <service> <directory>
import { connect } from "node:net";

const [, , path, service, directory] = process.argv;
const socket = connect(path, () => {
  const request = { service, directory, protocol: process.env["GIT_PROTOCOL"] ?? "" };
  socket.write(`${JSON.stringify(request)}\n`);
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
});
socket.on("close", () => process.exit(0));
