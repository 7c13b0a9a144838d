import type { Capability } from "./capability.ts";

/** `server-option`: words for the server from the user's command line; every one is taken, none has a meaning here. */
export const serverOption: Capability = {
  name: "server-option",
  advertise: () => "",
};
