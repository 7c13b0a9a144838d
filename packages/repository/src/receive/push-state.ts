import type { Oid, OperationOptions } from "@millrace/pack";
import type { Snapshot } from "@millrace/storage";
import type { ObjectView } from "../objects/object-view.ts";
import type { ReceiveRules } from "../policy/receive-rules.ts";
import type { RefCommand } from "./command-rules.ts";
import type { CutCommand } from "./shallow-plan.ts";

/** One push on its way through the pipeline: what it is judged by, and what is known of its commands so far. */
export interface PushState extends OperationOptions {
  readonly commands: readonly RefCommand[];
  /** All refs or none. */
  readonly atomic: boolean;
  readonly snapshot: Snapshot;
  /** What the repository had before. */
  readonly view: ObjectView;
  readonly rules: ReceiveRules;
  /** Lines for the user. */
  readonly messages: string[];
  /** Command → the words behind `ng`. */
  readonly refused: Map<RefCommand, string>;
  /** Commands whose branch a working tree is to follow. */
  readonly followed: Set<RefCommand>;
  /** Deletions of refs that are not there, and were not seen by any id that is. */
  readonly absent: Set<RefCommand>;
  /** What the new ids peel to; `null` for what is no tag. */
  readonly peeled: Map<RefCommand, Oid | null>;
  /** Commands whose history is to end at roots of the client. */
  cuts: ReadonlyMap<RefCommand, CutCommand>;
}
