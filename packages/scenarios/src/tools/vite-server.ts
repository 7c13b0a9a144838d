import { createServer } from "vite";

/** Serves the current folder as vite does while one develops, says where, and ends with its input. */
const server = await createServer({
  configFile: false,
  root: process.cwd(),
  logLevel: "error",
  server: { host: "127.0.0.1", port: 0 },
});
await server.listen();
console.log(server.resolvedUrls?.local[0]);
process.stdin.on("end", () => void server.close()).resume();
