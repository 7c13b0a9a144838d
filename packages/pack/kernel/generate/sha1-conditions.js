import { CONDITIONS, VECTORS } from "./disturbance-vectors.js";
import { CHECKPOINTS } from "./sha1-rounds.js";

/** Writes the test of the unavoidable conditions, on four expanded messages at once, and the message differences. */

/**
 * How many conditions every message is held against. About one in twelve still has a vector left then; those are held
 * against the rest. More or fewer cost more than they spare.
 */
const SCREEN_CONDITIONS = 96;
/** Partial results are stored so often: the compiler would load everything first and run out of registers. */
const CONDITIONS_A_STORE = 4;

const hex = (word) => `0x${(word >>> 0).toString(16)}`;

/** The conditions in the order in which each does most, and those that are tested together in the order of words. */
function orderConditions() {
  const chances = VECTORS.map(() => 1);
  const needs = ({ vectors }, number) => ((vectors >>> number) & 1) === 1;
  const gain = (condition) =>
    chances.reduce((sum, chance, number) => sum + (needs(condition, number) ? chance : 0), 0);
  const left = [...CONDITIONS];
  const ordered = [];
  while (left.length > 0) {
    const best = left.reduce((x, y) => (gain(y) > gain(x) ? y : x));
    left.splice(left.indexOf(best), 1);
    ordered.push(best);
    chances.forEach((chance, number) => {
      if (needs(best, number)) chances[number] = chance / 2;
    });
  }
  const byWord = (x, y) => Math.max(x.stepA, x.stepB) - Math.max(y.stepA, y.stepB);
  return [ordered.slice(0, SCREEN_CONDITIONS).sort(byWord), ordered.slice(SCREEN_CONDITIONS).sort(byWord)];
}

/** All ones in the lanes where the two bits differ. */
function difference({ stepA, bitA, stepB, bitB }) {
  const word = (step) => `v128.load(schedule, ${16 * step})`;
  const top = (word, bit) => (bit === 31 ? word : `i32x4.shl(${word}, ${31 - bit})`);
  const moved =
    bitA === bitB
      ? top(`v128.xor(${word(stepA)}, ${word(stepB)})`, bitA)
      : `v128.xor(${top(word(stepA), bitA)}, ${top(word(stepB), bitB)})`;
  return `i32x4.lt_s(${moved}, zero)`;
}

/** Lines that gather in \`cleared\` the vectors whose conditions are not met. */
function clear(conditions, masks) {
  return conditions.flatMap((condition, i) => {
    const mask = `v128.load(${masks}, ${16 * i})`;
    const operation = condition.differ ? "andnot" : "and";
    const line = `cleared = v128.or(cleared, v128.${operation}(${mask}, ${difference(condition)}));`;
    return i % CONDITIONS_A_STORE === CONDITIONS_A_STORE - 1
      ? [line, "v128.store(suspects, cleared);"]
      : [line];
  });
}

const table = (words) => `memory.data<u32>([${words.map(hex).join(", ")}], 16)`;
const maskTable = (conditions) => table(conditions.flatMap(({ vectors }) => Array(4).fill(vectors)));

/** The AssemblyScript module "sha1-conditions". */
export function sha1Conditions() {
  const [screen, sift] = orderConditions();
  const first = VECTORS.reduce(
    (mask, { start }, number) => (start === CHECKPOINTS[0] ? mask | (1 << number) : mask),
    0,
  );
  return `
/** 80 words for each vector. */
export const DIFFERENCES: usize = ${table(VECTORS.flatMap(({ differences }) => differences))};
/** The vectors whose recompression leaves from the first checkpoint. */
export const FIRST_CHECKPOINT_VECTORS: u32 = ${hex(first)};
const SCREEN: usize = ${maskTable(screen)};
const SIFT: usize = ${maskTable(sift)};

/**
 * Tests the better part of the conditions. Answers whether a vector is left, and which, as a mask for each of the four
 * messages, at \`suspects\`.
 */
export function screen(schedule: usize, suspects: usize): bool {
  const zero = i32x4.splat(0);
  let cleared = zero;
  ${clear(screen, "SCREEN").join("\n  ")}
  cleared = v128.not(cleared);
  v128.store(suspects, cleared);
  return v128.any_true(cleared);
}

/** Tests the rest of the conditions on what \`screen\` has left. */
export function sift(schedule: usize, suspects: usize): bool {
  const zero = i32x4.splat(0);
  let cleared = v128.not(v128.load(suspects));
  ${clear(sift, "SIFT").join("\n  ")}
  cleared = v128.not(cleared);
  v128.store(suspects, cleared);
  return v128.any_true(cleared);
}
`;
}
