import { sanitizeAgent } from "../agent.ts";
import type { Capability } from "./capability.ts";

/** `agent`: what the two sides call themselves; it changes nothing. */
export const agent: Capability = {
  name: "agent",
  advertise: (context) => sanitizeAgent(context.agent),
  receive(value, context) {
    context.client.agent = value;
  },
};
