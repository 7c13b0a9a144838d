import type { BenchCase } from "../bench-case.ts";
import { bigPushCase } from "./big-push.ts";
import { cloneCase } from "./clone.ts";
import { clonesCase } from "./clones.ts";
import { enumerateCase } from "./enumerate.ts";
import { fetchCase } from "./fetch.ts";
import { indexPackCase } from "./index-pack.ts";
import { partialCase } from "./partial.ts";
import { pushCase } from "./push.ts";
import { refsCase } from "./refs.ts";

/** All cases, in the order they are run. */
export const benchCases: readonly BenchCase[] = [
  indexPackCase,
  pushCase,
  bigPushCase,
  cloneCase,
  clonesCase,
  fetchCase,
  enumerateCase,
  refsCase,
  partialCase,
];
