import type { BenchCase } from "../bench-case.ts";
import { cloneCase } from "./clone.ts";
import { enumerateCase } from "./enumerate.ts";
import { indexPackCase } from "./index-pack.ts";
import { pushCase } from "./push.ts";

/** All cases, in the order they are run. */
export const benchCases: readonly BenchCase[] = [indexPackCase, pushCase, cloneCase, enumerateCase];
