/** A git server that streams: smart HTTP and stdio over any Millrace storage. */
export type { PushEvent, Tell } from "./announce/courier.ts";
export { type GitServer, startServer } from "./http/server.ts";
export { RepositoryPool } from "./repository-pool.ts";
export { AnonymousPush, ListenAddress, ServerOptions } from "./schema.ts";
export { createWorkTreeUpdater } from "./work-tree/update-work-tree.ts";
export { type StdioStreams, receivePackStdio, uploadPackStdio } from "./stdio/services.ts";
