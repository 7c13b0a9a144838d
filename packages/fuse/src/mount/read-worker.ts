/** The thread that blocks in reads of the device, where it cannot be polled. It sees no message but passes them on. */
import { type MessagePort, workerData } from "node:worker_threads";
import { readBlocking } from "../session/device.ts";

const { fd, bufferBytes, inFlight, maxPending, port } = workerData as {
  fd: number;
  bufferBytes: number;
  inFlight: Int32Array<SharedArrayBuffer>;
  maxPending: number;
  port: MessagePort;
};

readBlocking(fd, bufferBytes, (message) => {
  const copy = new Uint8Array(message);
  port.postMessage(copy, [copy.buffer]);
  let held = Atomics.add(inFlight, 0, 1) + 1;
  while (held >= maxPending) {
    Atomics.wait(inFlight, 0, held);
    held = Atomics.load(inFlight, 0);
  }
});
port.close();
