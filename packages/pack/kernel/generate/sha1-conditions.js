import { CHECKPOINTS } from "./sha1-rounds.js";
import { CONDITIONS, VECTORS } from "./disturbance-vectors.js";

/** Writes the test of the unavoidable conditions and the table of message differences. */

const hex = (word) => `0x${word.toString(16)}`;

/** A line that strikes from `mask` the vectors whose condition the expanded message does not meet. */
function strike({ stepA, bitA, stepB, bitB, differ, vectors }) {
  const word = (step) => `load<u32>(schedule, ${4 * step})`;
  const shifted =
    bitA >= bitB
      ? `((${word(stepA)} >> ${bitA - bitB}) ^ ${word(stepB)}) >> ${bitB}`
      : `((${word(stepB)} >> ${bitB - bitA}) ^ ${word(stepA)}) >> ${bitA}`;
  const differs = `((${shifted}) & 1)`;
  return `mask &= ${differ ? `(0 - ${differs})` : `(${differs} - 1)`} | ${hex(~vectors >>> 0)};`;
}

/** The AssemblyScript module "sha1-conditions". */
export function sha1Conditions() {
  const starts = CHECKPOINTS.map((start) =>
    VECTORS.reduce((mask, vector, number) => (vector.start === start ? mask | (1 << number) : mask), 0),
  );
  const differences = VECTORS.flatMap((vector) => vector.differences.map(hex));
  return `
/** 80 words for each vector. */
export const DIFFERENCES: usize = memory.data<u32>([${differences.join(", ")}], 16);
/** The vectors whose recompression leaves from the first checkpoint. */
export const FIRST_CHECKPOINT_VECTORS: u32 = ${hex(starts[0] >>> 0)};

/** The vectors, as a mask, whose conditions the expanded message at \`schedule\` meets. */
export function suspects(schedule: usize): u32 {
  let mask: u32 = ${hex(2 ** VECTORS.length - 1)};
  ${CONDITIONS.map(strike).join("\n  ")}
  return mask;
}
`;
}
