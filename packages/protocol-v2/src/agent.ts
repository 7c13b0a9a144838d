/**
 * A server's name as the `agent` capability carries it: what is not printable ASCII, and every space, becomes `.`.
 * Implements gitprotocol-capabilities, "agent".
 */
export function sanitizeAgent(agent: string): string {
  return agent.replace(/[^\u0021-\u007e]/g, ".");
}
