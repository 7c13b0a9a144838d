import type { BucketLab } from "./bucket-lab.ts";
import type { Row } from "./row.ts";

/** Something that is done over a bucket and measured. */
export interface BucketCase {
  readonly name: string;
  rows(lab: BucketLab): AsyncIterable<Row>;
}
