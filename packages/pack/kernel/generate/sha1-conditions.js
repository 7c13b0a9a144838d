import { FAMILIES, VECTORS, readChain } from "./disturbance-vectors.js";
import { CHECKPOINTS } from "./sha1-rounds.js";

/**
 * Writes the test of the unavoidable conditions, on four expanded messages at once, and the message differences.
 *
 * The vectors of a family have the same conditions, moved along the steps. So one bit of the words of 32 steps is
 * gathered into a row, a word of 32 bits for each message, and a condition is tested for all vectors of a family at
 * once: two rows are compared, each moved to where the condition has its bit for the family's first vector.
 */

/** The first step of the rows. */
const FIRST_STEP = 35;
const HALF_STEPS = 16;
/** The bits that have rows, since most conditions are about them. */
const ROW_BITS = [1, 4, 6, 29];
/**
 * How many conditions every message is held against: those that most vectors fail. One message in ten has a vector
 * left then, which is held against the rest. More or fewer cost more than they spare.
 */
const SCREEN_CONDITIONS = 40;
/** Partial results are stored so often, and rows while they are gathered: the compiler would load everything first and run out of registers. */
const CONDITIONS_A_STORE = 4;

const hex = (word) => `0x${(word >>> 0).toString(16)}`;

/** All conditions: of which family, for which K, and the two bits by their distance from K. */
const ALL = FAMILIES.flatMap(({ conditions }, family) =>
  conditions.flatMap(([from, to, chain]) => {
    const [root, ...others] = readChain(chain);
    return others.map((other) => ({ family, from, to, root, other }));
  }),
);

/** Whether the vectors from K = `from` to `to` find a bit in the rows. */
function isInRows({ step, bit }, from, to) {
  return ROW_BITS.includes(bit) && from + step >= FIRST_STEP && to + step < FIRST_STEP + 2 * HALF_STEPS;
}

/** The conditions that are tested first, of those that are about rows. */
function chooseScreened() {
  const chances = FAMILIES.map(({ steps }) => new Map(steps.map((step) => [step, 1])));
  const concerned = ({ family, from, to }) =>
    [...chances[family]].filter(([step]) => step >= from && step <= to);
  const gain = (condition) => concerned(condition).reduce((sum, [, chance]) => sum + chance, 0);
  const left = ALL.filter(
    ({ from, to, root, other }) => isInRows(root, from, to) && isInRows(other, from, to),
  );
  const screened = new Set();
  while (screened.size < SCREEN_CONDITIONS) {
    const best = left.reduce((x, y) => (gain(y) > gain(x) ? y : x));
    left.splice(left.indexOf(best), 1);
    screened.add(best);
    for (const [step, chance] of concerned(best)) chances[best.family].set(step, chance / 2);
  }
  return screened;
}

/** Words in all four lanes that the code loads by their place. */
class Constants {
  #words = [];

  load(word) {
    if (!this.#words.includes(word >>> 0)) this.#words.push(word >>> 0);
    return `v128.load(CONSTANTS, ${16 * this.#words.indexOf(word >>> 0)})`;
  }

  get table() {
    return table(this.#words.flatMap((word) => [word, word, word, word]));
  }
}

const table = (words) => `memory.data<u32>([${words.map(hex).join(", ")}], 16)`;
const bytes = (values) => `memory.data<u8>([${values.join(", ")}])`;
/** A vector whose words have their halves changed. */
const turned = (vector) => `v128.shuffle<i16>(${vector}, ${vector}, 1, 0, 3, 2, 5, 4, 7, 6)`;

/**
 * Lines that gather the rows. The wanted bits of two steps lie side by side in one word; between them there is room for
 * two steps that are 16 later, turned. So a row's half is made of pairs, each moved to its place.
 */
function gatherRows(constants) {
  const word = (step) => `v128.and(v128.load(schedule, ${16 * step}), wanted)`;
  const pair = (step) => `v128.or(i32x4.shr_u(${word(step)}, 1), ${word(step + 1)})`;
  const lines = [`const wanted = ${constants.load(ROW_BITS.reduce((mask, bit) => mask | (1 << bit), 0))};`];
  for (const bit of ROW_BITS) {
    const both = 3 * 2 ** (bit - 1);
    lines.push(`const pair${bit} = ${constants.load(both | (both * 2 ** 16) | (both / 2 ** 16))};`);
  }
  for (let at = 0; at < HALF_STEPS; at += 2) {
    lines.push(`later = ${pair(FIRST_STEP + HALF_STEPS + at)};`);
    lines.push(`steps = v128.or(${pair(FIRST_STEP + at)}, ${turned("later")});`);
    for (const bit of ROW_BITS) {
      const by = at - ((bit - 1) % HALF_STEPS);
      const picked = `v128.and(steps, pair${bit})`;
      const moved = by < 0 ? `i16x8.shr_u(${picked}, ${-by})` : `i16x8.shl(${picked}, ${by})`;
      lines.push(at === 0 ? `let row${bit} = ${moved};` : `row${bit} = v128.or(row${bit}, ${moved});`);
    }
    lines.push(`v128.store(suspects, row${ROW_BITS[ROW_BITS.length - 1]});`);
  }
  for (const bit of ROW_BITS) if (bit > HALF_STEPS) lines.push(`row${bit} = ${turned(`row${bit}`)};`);
  return lines;
}

/** A row from `step` on. */
function rowFrom(bit, step) {
  const by = step - FIRST_STEP;
  return by < 0 ? `i32x4.shl(row${bit}, ${-by})` : `i32x4.shr_u(row${bit}, ${by})`;
}

/** Lines that add to `left` the vectors of a family that meet the conditions. */
function testFamily(family, conditions, constants) {
  const { steps } = FAMILIES[family];
  const first = steps[0];
  const last = steps[steps.length - 1];
  const bits = (from, to) => 2 ** (to - first + 1) - 2 ** (from - first);
  const lines = [`unequal = i32x4.splat(0);`, `unlike = i32x4.splat(-1);`];
  conditions.forEach(({ from, to, root, other }, i) => {
    const difference = `v128.xor(${rowFrom(root.bit, first + root.step)}, ${rowFrom(other.bit, first + other.step)})`;
    const isOfAll = from === first && to === last;
    const name = other.differ ? "unlike" : "unequal";
    if (other.differ) {
      const term = isOfAll ? difference : `v128.or(${difference}, ${constants.load(~bits(from, to))})`;
      lines.push(`unlike = v128.and(unlike, ${term});`);
    } else {
      const term = isOfAll ? difference : `v128.and(${difference}, ${constants.load(bits(from, to))})`;
      lines.push(`unequal = v128.or(unequal, ${term});`);
    }
    if (i % CONDITIONS_A_STORE === CONDITIONS_A_STORE - 1) lines.push(`v128.store(suspects, ${name});`);
  });
  lines.push(`unlike = v128.andnot(unlike, unequal);`);
  // From bits by K to bits by number: those move together whose steps follow each other.
  const number = VECTORS.findIndex((one) => one.family === family);
  for (let i = 0; i < steps.length; ) {
    let end = i + 1;
    while (steps[end] === steps[end - 1] + 1) end++;
    const those = `v128.and(unlike, ${constants.load(bits(steps[i], steps[end - 1]))})`;
    lines.push(`left = v128.or(left, i32x4.shl(${those}, ${number + i - (steps[i] - first)}));`);
    i = end;
  }
  return lines;
}

/** What \`screen\` leaves out of each vector's conditions: for each vector where they start, and the conditions. */
function listRest(screened) {
  const rest = VECTORS.map(({ family, step }) =>
    ALL.filter((one) => one.family === family && step >= one.from && step <= one.to && !screened.has(one)),
  );
  const starts = [0];
  for (const conditions of rest) starts.push(starts[starts.length - 1] + conditions.length);
  const rows = rest.flatMap((conditions, number) =>
    conditions.flatMap(({ root, other }) => [
      VECTORS[number].step + root.step,
      root.bit,
      VECTORS[number].step + other.step,
      other.bit | (other.differ ? 128 : 0),
    ]),
  );
  return { starts, rows };
}

/** The AssemblyScript module "sha1-conditions". */
export function sha1Conditions() {
  const screened = chooseScreened();
  const constants = new Constants();
  const gather = gatherRows(constants);
  const tests = FAMILIES.flatMap((_, family) =>
    testFamily(
      family,
      [...screened].filter((condition) => condition.family === family),
      constants,
    ),
  );
  const { starts, rows } = listRest(screened);
  const first = VECTORS.reduce(
    (mask, { start }, number) => (start === CHECKPOINTS[0] ? mask | (1 << number) : mask),
    0,
  );
  return `
/** 80 words for each vector. */
export const DIFFERENCES: usize = ${table(VECTORS.flatMap(({ differences }) => differences))};
/** The vectors whose recompression leaves from the first checkpoint. */
export const FIRST_CHECKPOINT_VECTORS: u32 = ${hex(first)};
const CONSTANTS: usize = ${constants.table};
/** Where the rest of each vector's conditions starts; each is a step and a bit, and again, the last with 128 for "differ". */
const REST_STARTS: usize = ${bytes(starts)};
const REST: usize = ${bytes(rows)};

/**
 * Tests the better part of the conditions. Answers whether a vector is left, and which, as a mask for each of the four
 * messages, at \`suspects\`.
 */
export function screen(schedule: usize, suspects: usize): bool {
  let later: v128, steps: v128, unequal: v128, unlike: v128;
  let left = i32x4.splat(0);
  ${[...gather, ...tests].join("\n  ")}
  v128.store(suspects, left);
  return v128.any_true(left);
}

/** Tests the rest of the conditions on what \`screen\` has left. */
export function sift(schedule: usize, suspects: usize): bool {
  for (let lane: usize = 0; lane < 16; lane += 4) {
    let mask = load<u32>(suspects + lane);
    for (let rest = mask; rest != 0; rest &= rest - 1) {
      const number = ctz<u32>(rest);
      if (!meetsRest(schedule + lane, number as usize)) mask ^= 1 << number;
    }
    store<u32>(suspects + lane, mask);
  }
  return v128.any_true(v128.load(suspects));
}

function meetsRest(schedule: usize, number: usize): bool {
  const end = REST + ((load<u8>(REST_STARTS + number, 1) as usize) << 2);
  for (let at = REST + ((load<u8>(REST_STARTS + number) as usize) << 2); at < end; at += 4) {
    const last = load<u8>(at, 3) as u32;
    const one = load<u32>(schedule + ((load<u8>(at) as usize) << 4)) >> (load<u8>(at, 1) as u32);
    const other = load<u32>(schedule + ((load<u8>(at, 2) as usize) << 4)) >> (last & 31);
    if (((one ^ other) & 1) != last >> 7) return false;
  }
  return true;
}
`;
}
