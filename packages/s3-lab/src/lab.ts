import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type RunningServer, startCeph } from "./ceph.ts";
import { startMoto } from "./moto.ts";
import type { S3Endpoint } from "./s3-endpoint.ts";
import { startUnconditional } from "./unconditional.ts";

/** The servers there are: a real one, a second with the same rules, and one without conditional writes. */
export type LabServer = "ceph" | "moto" | "unconditional";

const starters: Readonly<Record<LabServer, () => Promise<RunningServer>>> = {
  ceph: startCeph,
  moto: startMoto,
  unconditional: startUnconditional,
};

/**
 * Serves the lab to the processes of one test run: the first that asks for a server has it started, all others get the
 * same one. `GET /<name>` answers an `S3Endpoint` as JSON, or 503 with the reason why there is none.
 */
export async function openLab(): Promise<{ readonly url: string } & AsyncDisposable> {
  const running = new Map<LabServer, Promise<RunningServer>>();
  const demand = async (name: LabServer): Promise<S3Endpoint> => {
    const given = name === "ceph" ? endpointOf(process.env) : undefined;
    if (given !== undefined) return given;
    let server = running.get(name);
    if (server === undefined) running.set(name, (server = starters[name]()));
    return (await server).endpoint;
  };
  const front = createServer((request, response) => {
    const name = (request.url ?? "").slice(1);
    if (!isServer(name)) {
      response.writeHead(404).end("no such server");
      return;
    }
    demand(name).then(
      (endpoint) => response.end(JSON.stringify(endpoint)),
      (error: unknown) => response.writeHead(503).end(error instanceof Error ? error.message : String(error)),
    );
  }).listen(0, "127.0.0.1");
  front.unref();
  await once(front, "listening");
  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
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

function isServer(name: string): name is LabServer {
  return Object.hasOwn(starters, name);
}

/** A real server that the environment names stands in for Ceph. */
function endpointOf(environment: NodeJS.ProcessEnv): S3Endpoint | undefined {
  const { MILLRACE_S3_ENDPOINT: url, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = environment;
  if (url === undefined) return undefined;
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
