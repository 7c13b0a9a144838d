/** Repositories over SSH, with the `ssh2` package. */
export { openSshTransport } from "./ssh-transport.ts";
export { SshTransportOptions } from "./schema.ts";
