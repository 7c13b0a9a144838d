import { readFile } from "node:fs/promises";

/** CAP_SYS_ADMIN, by its bit (capabilities(7)): the right to mount. */
const SYS_ADMIN = 1n << 21n;

/** Who may mount from here. */
export interface MountRights {
  /** This process has the right. */
  readonly isOurs: boolean;
  /** What it starts may have it: `mount` for root, the helper for anybody else. In most containers nothing may. */
  readonly isWithinBounds: boolean;
}

/** Looks at the rights of this process (proc_pid_status(5)); where they are not told, all may be there. Throws what reading throws. */
export async function readMountRights(): Promise<MountRights> {
  const text = await readFile("/proc/self/status", "utf8");
  const has = (field: string): boolean => {
    const [, digits] = new RegExp(`^${field}:\\s*([0-9a-f]+)`, "m").exec(text) ?? [];
    return digits === undefined || (BigInt(`0x${digits}`) & SYS_ADMIN) !== 0n;
  };
  return { isOurs: has("CapEff"), isWithinBounds: has("CapBnd") };
}
