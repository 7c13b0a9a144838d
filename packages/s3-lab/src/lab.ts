import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type RunningServer, startCeph } from "./ceph.ts";
import { startMoto } from "./moto.ts";
import type { S3Endpoint } from "./s3-endpoint.ts";
import { startSmall } from "./small/small-server.ts";
import { startUnconditional } from "./unconditional.ts";

/** The servers there are: a real one, a second with the same rules, the small one of this project, and one without conditional writes. */
type ServerKind = "ceph" | "moto" | "small" | "unconditional";
/** What a test can ask for; `store` is the best that can be had here. */
export type LabServer = ServerKind | "store";

const starters: Readonly<Record<ServerKind, () => Promise<RunningServer>>> = {
  ceph: startCeph,
  moto: startMoto,
  small: startSmall,
  unconditional: startUnconditional,
};

/** The lab of one run. */
export interface Lab extends AsyncDisposable {
  readonly url: string;
  /** Why the small server stood in for a real store; `undefined` where it did not. */
  readonly standInReason: string | undefined;
}

/**
 * Serves the lab to the processes of one test run: the first that asks for a server has it started, all others get the
 * same one. `GET /<name>` answers an `S3Endpoint` as JSON, 503 with the reason why there is none, or 410 where the
 * environment leaves it out.
 */
export async function openLab(): Promise<Lab> {
  const running = new Map<ServerKind, Promise<RunningServer>>();
  const choice = choiceOf(process.env);
  let standInReason: string | undefined;

  const start = async (name: ServerKind): Promise<S3Endpoint> => {
    let server = running.get(name);
    if (server === undefined) running.set(name, (server = starters[name]()));
    return (await server).endpoint;
  };
  const startStore = async (): Promise<S3Endpoint> => {
    if (typeof choice === "object") return choice;
    try {
      if (choice === "small") throw new Error("MILLRACE_S3_SERVER=small asks for it");
      return await start("ceph");
    } catch (error) {
      // Under continuous integration nothing stands in for the real one unless it is asked for.
      if (choice !== "small" && process.env.CI !== undefined) throw error;
      standInReason = messageOf(error);
      return start("small");
    }
  };
  const front = createServer((request, response) => {
    const name = (request.url ?? "").slice(1);
    if (!isServer(name)) {
      response.writeHead(404).end("no such server");
      return;
    }
    if (name === "ceph" && choice !== undefined) {
      response.writeHead(410).end("the environment names another store");
      return;
    }
    (name === "store" ? startStore() : start(name)).then(
      (endpoint) => response.end(JSON.stringify(endpoint)),
      (error: unknown) => response.writeHead(503).end(messageOf(error)),
    );
  }).listen(0, "127.0.0.1");
  front.unref();
  await once(front, "listening");
  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    get standInReason() {
      return standInReason;
    },
    async [Symbol.asyncDispose]() {
      front.closeAllConnections();
      front.close();
      for (const server of running.values()) {
        const started = await server.catch(() => undefined);
        await started?.[Symbol.asyncDispose]();
      }
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isServer(name: string): name is LabServer {
  return name === "store" || Object.hasOwn(starters, name);
}

/** What the environment wants in the place of Ceph: a server that it names, or the small one. */
function choiceOf(environment: NodeJS.ProcessEnv): S3Endpoint | "small" | undefined {
  const { MILLRACE_S3_ENDPOINT: url, MILLRACE_S3_SERVER: server } = environment;
  const { AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = environment;
  if (server !== undefined && server !== "small")
    throw new Error("MILLRACE_S3_SERVER may be small, or absent");
  if (url === undefined) return server;
  if (AWS_ACCESS_KEY_ID === undefined || AWS_SECRET_ACCESS_KEY === undefined) {
    throw new Error("MILLRACE_S3_ENDPOINT goes with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  }
  return {
    name: url,
    url,
    region: AWS_REGION ?? "us-east-1",
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
  };
}
