import { fileURLToPath } from "node:url";

/** The built command line of the server. */
export const serverCli: string = fileURLToPath(new URL("../../../apps/server/dist/cli.js", import.meta.url));
