import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { openStreamTransport } from "./stream-transport.ts";

test("what begins while the way is being closed is ended", async () => {
  let begin: (() => void) | undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  let kills = 0;
  const start = async () => {
    await begun;
    const output = new PassThrough();
    const kill = (): void => {
      kills++;
      output.destroy();
    };
    return { input: new PassThrough(), output, kill, ended: Promise.resolve() };
  };
  const transport = openStreamTransport("somewhere", start, 0);
  const opening = transport.open("git-upload-pack", { version: 2 });
  const refused = expect(opening).rejects.toMatchObject({ code: "PROTOCOL_UNREACHABLE" });
  await transport[Symbol.asyncDispose]();
  expect(kills).toBe(0);
  begin?.();
  await refused;
  expect(kills).toBe(1);
});
