import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Chroot, type Daemon, LabUnavailable, openChroot } from "./chroot.ts";
import { freePorts } from "./free-ports.ts";
import type { S3Endpoint } from "./s3-endpoint.ts";

/** A server that runs, with how to end it. */
export interface RunningServer extends AsyncDisposable {
  readonly endpoint: S3Endpoint;
}

const ACCESS_KEY = "millrace-test";
const SECRET_KEY = "millrace-test-secret";
const READY_SECONDS = 60;

/**
 * Starts the smallest Ceph that serves S3: a monitor, an object store in memory and a gateway, all on loopback. It takes
 * some ten seconds and half a gigabyte, and forgets everything at its end. Throws `LabUnavailable`.
 */
export async function startCeph(): Promise<RunningServer> {
  const chroot = await openChroot("ceph");
  const daemons: Daemon[] = [];
  const end = async (): Promise<void> => {
    await Promise.all(daemons.map((daemon) => daemon.stop()));
    await chroot[Symbol.asyncDispose]();
  };
  try {
    const port = await bringUp(chroot, daemons);
    return {
      endpoint: {
        name: "Ceph RGW",
        url: `http://127.0.0.1:${port}`,
        region: "default",
        accessKeyId: ACCESS_KEY,
        secretAccessKey: SECRET_KEY,
      },
      [Symbol.asyncDispose]: end,
    };
  } catch (cause) {
    await end();
    throw new LabUnavailable(`Ceph did not start: ${(cause as Error).message}`, { cause });
  }
}

async function bringUp({ inside, outside, run, start }: Chroot, daemons: Daemon[]): Promise<number> {
  const [monitorPort, oldMonitorPort, port] = (await freePorts(3)) as [number, number, number];
  const monitor = `[v2:127.0.0.1:${monitorPort},v1:127.0.0.1:${oldMonitorPort}]`;
  const cluster = randomUUID();
  const store = randomUUID();
  await writeFile(join(outside, "ceph.conf"), settings({ inside, cluster, monitor, port }));
  const conf = ["-c", `${inside}/ceph.conf`];
  const keyring = `${inside}/keyring`;

  await run("mkdir", [`${inside}/mon`, `${inside}/osd`, `${inside}/rgw`, `${inside}/run`]);
  await run("ceph-authtool", [
    "--create-keyring",
    keyring,
    "--gen-key",
    "-n",
    "mon.",
    "--cap",
    "mon",
    "allow *",
  ]);
  const all = ["--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *"];
  for (const name of ["client.admin", "client.rgw", "osd.0"]) {
    await run("ceph-authtool", [keyring, "--gen-key", "-n", name, ...all]);
  }
  await run("monmaptool", ["--create", "--fsid", cluster, "--addv", "a", monitor, `${inside}/monmap`]);
  await run("ceph-mon", [...conf, "--mkfs", "-i", "a", "--monmap", `${inside}/monmap`, "--keyring", keyring]);
  daemons.push(await start("mon", "ceph-mon", [...conf, "-f", "-i", "a"]));
  await run("ceph", [...conf, "--connect-timeout", "30", "osd", "new", store]);
  await run("ceph-osd", [...conf, "-i", "0", "--mkfs", "--osd-uuid", store]);
  daemons.push(await start("osd", "ceph-osd", [...conf, "-f", "-i", "0"]));
  await until(daemons, async () => (await run("ceph", [...conf, "osd", "stat"])).includes("1 up"));
  const user = ["user", "create", "--uid=test", "--display-name=test", "--max-buckets=100000"];
  const keys = [`--access-key=${ACCESS_KEY}`, `--secret-key=${SECRET_KEY}`];
  await run("radosgw-admin", [...conf, "-n", "client.rgw", ...user, ...keys], 120);
  daemons.push(await start("rgw", "radosgw", [...conf, "-f", "-n", "client.rgw"]));
  await until(daemons, async () => (await fetch(`http://127.0.0.1:${port}/`)).status < 500);
  return port;
}

interface Settings {
  readonly inside: string;
  readonly cluster: string;
  readonly monitor: string;
  readonly port: number;
}

/** One copy of everything, few placement groups, nothing on a disk, nothing but loopback. */
function settings({ inside, cluster, monitor, port }: Settings): string {
  return `[global]
fsid = ${cluster}
mon_host = ${monitor}
ms_bind_ipv4 = true
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
keyring = ${inside}/keyring
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 1000
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
run_dir = ${inside}/run
admin_socket = ${inside}/run/$name.asok
log_file = ${inside}/$name.log
[mon]
mon_data = ${inside}/mon
mon_initial_members = a
mon_data_avail_crit = 1
[osd]
osd_data = ${inside}/osd
osd_objectstore = memstore
memstore_device_bytes = 4294967296
[client.rgw]
rgw_data = ${inside}/rgw
rgw_frontends = beast endpoint=127.0.0.1:${port} tcp_nodelay=1
rgw_enable_usage_log = false
rgw_run_sync_thread = false
rgw_dynamic_resharding = false
rgw_thread_pool_size = 64
`;
}

/** Asks until the answer is yes; faults count as no. Throws when a daemon has died, or after a minute. */
async function until(daemons: readonly Daemon[], ask: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + READY_SECONDS * 1000;
  for (;;) {
    if (await ask().catch(() => false)) return;
    if (daemons.some(({ process }) => process.exitCode !== null)) throw new Error("a daemon has ended");
    if (Date.now() > deadline) throw new Error(`not ready after ${READY_SECONDS} seconds`);
    await sleep(100);
  }
}
