import { hashLength, type ObjectFormat, type Oid } from "@millrace/pack";
import { keyOfName, type LogMove, type RefRecords, type TableLog } from "@millrace/storage/reftable";
import type { FsRepository } from "../fs-repository.ts";
import { isUsual, logMode, type ReflogEntry, stampNow } from "../refs/reflog.ts";

/** What a log entry takes in a block besides its texts: the table's header, the block's ends, ids and lengths. */
const FIXED_BYTES = 128;

/** The log entries of one commit. */
export interface CommitLogs {
  /** Tells a log of a move where the configuration, or a log that is there already, asks for it. */
  move(name: string, old: Oid | null, next: Oid | null): Promise<void>;
  /** Takes away a log, entry by entry as tables need it. */
  remove(name: string): Promise<void>;
  /** All of them that belong to one stack, in order. */
  of(stack: RefRecords): readonly TableLog[];
}

export interface CommitLogsOptions extends Pick<ReflogEntry, "identity" | "message"> {
  readonly repository: FsRepository;
  readonly stackOf: (name: string) => RefRecords;
  readonly updateIndexOf: (stack: RefRecords) => number;
  readonly blockBytes: number;
}

/** Collects log entries, under the configuration as it is now. */
export async function collectLogs(options: CommitLogsOptions): Promise<CommitLogs> {
  const { repository, stackOf, updateIndexOf, blockBytes } = options;
  const mode = logMode(await repository.config());
  const stamp = stampNow(options);
  const logs = new Map<RefRecords, Map<string, TableLog>>();
  const anyLogs = new Map<RefRecords, boolean>();

  const put = (log: TableLog, stack: RefRecords): void => {
    let own = logs.get(stack);
    if (own === undefined) logs.set(stack, (own = new Map()));
    own.set(`${log.key} ${log.updateIndex}`, log);
  };

  /** Whether a ref has a log. Most stacks that keep none have no log at all, which one look tells. */
  const hasLog = async (stack: RefRecords, key: string): Promise<boolean> => {
    let any = anyLogs.get(stack);
    if (any === undefined) anyLogs.set(stack, (any = await isAny(stack.logs())));
    return any && isAny(stack.log(key));
  };

  return {
    async move(name, old, next) {
      const stack = stackOf(name);
      const key = keyOfName(name);
      const isWanted = mode === "always" || (mode === "usual" && isUsual(name));
      if (!isWanted && !(await hasLog(stack, key))) return;
      const move = fitMove({ old, new: next, ...toBytes(stamp) }, key, blockBytes, repository.objectFormat);
      if (move !== undefined) put({ key, updateIndex: updateIndexOf(stack), move }, stack);
    },
    async remove(name) {
      const stack = stackOf(name);
      for await (const batch of stack.log(keyOfName(name))) {
        for (const { key, updateIndex } of batch) put({ key, updateIndex, move: undefined }, stack);
      }
    },
    of: (stack) => [...(logs.get(stack)?.values() ?? [])].sort(inOrder),
  };
}

function inOrder(a: TableLog, b: TableLog): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return b.updateIndex - a.updateIndex;
}

async function isAny(batches: AsyncIterable<readonly unknown[]>): Promise<boolean> {
  for await (const batch of batches) return batch.length > 0;
  return false;
}

function toBytes(
  stamp: ReturnType<typeof stampNow>,
): Pick<LogMove, "name" | "email" | "time" | "zone" | "message"> {
  const { name, mail, time, zone, message } = stamp;
  return {
    name: Buffer.from(name),
    email: Buffer.from(mail),
    time,
    zone: Number(zone),
    message: Buffer.from(`${message}\n`),
  };
}

/** The move with as much of its message as half a block holds, as git has it; `undefined` where even none fits. */
function fitMove(move: LogMove, key: string, blockBytes: number, format: ObjectFormat): LogMove | undefined {
  const taken = FIXED_BYTES + key.length + 2 * hashLength(format) + move.name.length + move.email.length;
  const room = Math.min(blockBytes / 2, blockBytes - taken);
  if (room < 1) return undefined;
  if (move.message.length <= room) return move;
  return { ...move, message: Buffer.concat([move.message.subarray(0, room - 1), Buffer.from("\n")]) };
}
