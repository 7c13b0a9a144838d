import { createPktDecoder, demuxSideband, pktLine } from "@millrace/pktline";

/** What a server answered to a push that was put together by hand. */
export interface RawAnswer {
  readonly status: number;
  /** `unpack …`, `ok …` and `ng …` lines. */
  readonly report: readonly string[];
  /** What the user would read behind `remote: `. */
  readonly progress: string;
}

/** One ref command: old id, new id, name. */
export type RawCommand = readonly [old: string, target: string, name: string];

const CAPABILITIES = "report-status side-band-64k";

/** The bytes of a push: commands, flush, pack. */
export function rawPushBody(
  commands: readonly RawCommand[],
  pack: Uint8Array,
  capabilities = CAPABILITIES,
): Buffer {
  const lines = commands.map((command, i) =>
    pktLine(`${command.join(" ")}${i === 0 ? `\0 ${capabilities}` : ""}`),
  );
  return Buffer.concat([...lines, Buffer.from("0000"), pack]);
}

/** Sends bytes to a repository's receive-pack over HTTP, whatever they are. */
export async function rawPush(
  url: string,
  body: Uint8Array,
  headers: Record<string, string> = {},
): Promise<RawAnswer> {
  const response = await fetch(`${url}/git-receive-pack`, {
    method: "POST",
    headers: { "content-type": "application/x-git-receive-pack-request", ...headers },
    body: new Uint8Array(body),
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (response.status !== 200)
    return { status: response.status, report: [], progress: Buffer.from(bytes).toString() };
  const progress: string[] = [];
  const report: string[] = [];
  const inner = createPktDecoder();
  for await (const chunk of demuxSideband([bytes], { onProgress: (text) => progress.push(text) })) {
    inner.push(chunk);
    for (let line = inner.next(); line !== undefined; line = inner.next()) {
      if (line.type === "data") report.push(Buffer.from(line.bytes).toString().trimEnd());
    }
  }
  return { status: 200, report, progress: progress.join("") };
}
