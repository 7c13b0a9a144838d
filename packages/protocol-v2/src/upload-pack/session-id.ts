import { sanitizeAgent } from "../agent.ts";
import type { Capability } from "./capability.ts";

/** `session-id`: what the two sides call this conversation in their logs; it changes nothing. */
export const sessionId: Capability = {
  name: "session-id",
  advertise({ host }) {
    const id = host.policy?.sessionId;
    return id === undefined ? undefined : sanitizeAgent(id);
  },
  receive(value, context) {
    context.client.sessionId = value;
  },
};
