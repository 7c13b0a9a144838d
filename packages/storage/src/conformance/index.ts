/** What every storage backend must do, as data: run each case on a fresh, empty storage. */
import { abortCases } from "./abort-cases.ts";
import type { ConformanceCase } from "./case.ts";
import { commitCases } from "./commit-cases.ts";
import { configCases } from "./config-cases.ts";
import { lifecycleCases } from "./lifecycle-cases.ts";
import { maintenanceCases } from "./maintenance-cases.ts";
import { namingCases } from "./naming-cases.ts";
import { outboxCases } from "./outbox-cases.ts";
import { partialCloneCases } from "./partial-clone-cases.ts";
import { raceCases } from "./race-cases.ts";
import { shallowCases } from "./shallow-cases.ts";
import { snapshotCases } from "./snapshot-cases.ts";
import { stageCases } from "./stage-cases.ts";
import { telemetryCases } from "./telemetry-cases.ts";

export type { ConformanceCase, ConformanceContext } from "./case.ts";
export { makeTinyPack, type TinyPack } from "./tiny-pack.ts";

/** Every case; those whose `needs` a backend does not declare are not for it. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...namingCases,
  ...lifecycleCases,
  ...configCases,
  ...snapshotCases,
  ...stageCases,
  ...commitCases,
  ...shallowCases,
  ...raceCases,
  ...maintenanceCases,
  ...partialCloneCases,
  ...outboxCases,
  ...abortCases,
  ...telemetryCases,
];
