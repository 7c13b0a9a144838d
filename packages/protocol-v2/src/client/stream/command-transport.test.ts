import { expect, test } from "vitest";
import { openRemote } from "../remote.ts";
import { openCommandTransport } from "./command-transport.ts";

test("a command that is not there is told once, and a rejection that nobody hears ends no process", async () => {
  const transport = openCommandTransport("nowhere", () => ({ command: "/nowhere/at/all", args: [] }));
  await using remote = openRemote(transport);
  const heard: unknown[] = [];
  const hear = (error: unknown): void => void heard.push(error);
  process.on("unhandledRejection", hear);
  try {
    await expect(remote.listRefs()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "PROTOCOL_UNREACHABLE",
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(heard).toEqual([]);
  } finally {
    process.off("unhandledRejection", hear);
  }
});
