import type { Capability } from "./capability.ts";

/** `server-option`: words for the server from the user's command line; every one is taken and handed to the host. */
export const serverOption: Capability = {
  name: "server-option",
  advertise: () => "",
  receive(value, context) {
    if (value !== undefined) context.client.serverOptions.push(value);
  },
};
