import type { BucketCase } from "../bucket-case.ts";
import { advertiseCase } from "./advertise.ts";
import { cloneCase } from "./clone.ts";
import { largeCase } from "./large.ts";
import { smallCase } from "./small.ts";
import { tuningCase } from "./tuning.ts";

/** All there are, in the order they run. */
export const bucketCases: readonly BucketCase[] = [
  advertiseCase,
  smallCase,
  cloneCase,
  largeCase,
  tuningCase,
];
