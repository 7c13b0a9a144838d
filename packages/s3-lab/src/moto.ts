import { setTimeout as sleep } from "node:timers/promises";
import type { RunningServer } from "./ceph.ts";
import { LabUnavailable, openChroot } from "./chroot.ts";
import { freePorts } from "./free-ports.ts";

const READY_SECONDS = 30;
/** Moto's own command answers on many threads, and of racing writers now and then two win: here one comes after another. */
const PROGRAM = `
import sys
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=False)
`;

/** Starts moto, which knows conditional writes and checks no signatures. Throws `LabUnavailable`. */
export async function startMoto(): Promise<RunningServer> {
  const chroot = await openChroot("moto");
  const [port] = (await freePorts(1)) as [number];
  const url = `http://127.0.0.1:${port}`;
  const daemon = await chroot.start("moto", "python3", ["-c", PROGRAM, `${port}`]);
  const end = async (): Promise<void> => {
    await daemon.stop();
    await chroot[Symbol.asyncDispose]();
  };
  const deadline = Date.now() + READY_SECONDS * 1000;
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok === true) break;
    if (daemon.process.exitCode !== null || Date.now() > deadline) {
      await end();
      throw new LabUnavailable(`moto was not ready within ${READY_SECONDS} seconds`);
    }
    await sleep(100);
  }
  const credentials = { accessKeyId: "moto", secretAccessKey: "moto" };
  return { endpoint: { name: "moto", url, region: "us-east-1", ...credentials }, [Symbol.asyncDispose]: end };
}
