import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { packets } from "./packets.ts";

/** A fetch of everything behind some ids, asked for by hand and read at the test's own pace. */
export interface RawClone {
  /** Waits for so many bytes of the answer, or its end, and then reads no more; answers how many have come in all. */
  read(bytes: number): Promise<number>;
  /** Reads on to the end and answers everything. Throws where the connection breaks. */
  finish(): Promise<Buffer>;
  /** Goes away without a word. */
  vanish(): void;
}

/** Starts a fetch in version 2 over a connection of its own. */
export function startRawClone(repositoryUrl: string, wants: readonly string[]): RawClone {
  const client: ClientRequest = httpRequest(`${repositoryUrl}/git-upload-pack`, {
    method: "POST",
    agent: false,
    headers: {
      "content-type": "application/x-git-upload-pack-request",
      "git-protocol": "version=2",
      connection: "close",
    },
  });
  client.on("error", () => {});
  const lines = ["command=fetch", "0001", "ofs-delta", "no-progress", ...wants.map((oid) => `want ${oid}\n`)];
  client.end(packets(...lines, "done\n", "0000"));
  const chunks: Buffer[] = [];
  let received = 0;
  let fault: Error | undefined;
  let wake: (() => void) | undefined;
  const answer = once(client, "response").then(([response]: IncomingMessage[]) => {
    response!.on("readable", () => wake?.()).on("end", () => wake?.());
    response!.on("error", (error: Error) => {
      fault = error;
      wake?.();
    });
    return response!;
  });
  answer.catch(() => {});

  const readTo = async (bytes: number): Promise<void> => {
    const response = await answer;
    while (received < bytes && !response.readableEnded) {
      if (fault !== undefined) throw fault;
      const chunk = response.read() as Buffer | null;
      if (chunk === null) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      } else {
        received += chunk.length;
        chunks.push(chunk);
      }
    }
  };
  return {
    async read(bytes) {
      await readTo(bytes);
      return received;
    },
    async finish() {
      await readTo(Number.POSITIVE_INFINITY);
      return Buffer.concat(chunks);
    },
    vanish() {
      client.destroy();
    },
  };
}
