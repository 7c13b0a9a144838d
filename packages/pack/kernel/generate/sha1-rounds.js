/**
 * Writes the unrolled rounds of SHA-1 (FIPS 180-4, section 6.1): WebAssembly compilers do not unroll loops, and
 * variables that change their roles every round would otherwise be moved about.
 *
 * Everything works on four messages side by side, one in each 32-bit lane of a vector: word `t` of the expanded
 * messages lies at `16 * t`, word `i` of a state at `16 * i`. A single message is one lane of that: the same places,
 * from an address that is 4 bytes further for each lane.
 */

const ROUND_CONSTANTS = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6];
/** Steps whose state is kept for detection. */
export const CHECKPOINTS = [58, 65];
const CHECKPOINT_BYTES = 80;
const STATE = ["a", "b", "c", "d", "e"];

/** The names that stand for a..e at a step: they take turns instead of moving values. */
const rolesAt = (step) => STATE.map((_, i) => STATE[(((i - step) % 5) + 5) % 5]);

/** How the same computation is spelled for one lane and for four. */
const ONE = {
  type: "u32",
  add: (...terms) => terms.reduce((sum, term) => `(${sum} + ${term})`),
  subtract: (x, y) => `(${x} - ${y})`,
  and: (x, y) => `(${x} & ${y})`,
  xor: (x, y) => `(${x} ^ ${y})`,
  rotate: (x, count) => `rotl<u32>(${x}, ${count})`,
  load: (at, offset) => `load<u32>(${at}, ${offset})`,
  store: (at, value, offset) => `store<u32>(${at}, ${value}, ${offset});`,
};
const FOUR = {
  type: "v128",
  add: (...terms) => terms.reduce((sum, term) => `i32x4.add(${sum}, ${term})`),
  subtract: (x, y) => `i32x4.sub(${x}, ${y})`,
  and: (x, y) => `v128.and(${x}, ${y})`,
  xor: (x, y) => `v128.xor(${x}, ${y})`,
  rotate: (x, count) => `v128.or(i32x4.shl(${x}, ${count}), i32x4.shr_u(${x}, ${32 - count}))`,
  load: (at, offset) => `v128.load(${at}, ${offset})`,
  store: (at, value, offset) => `v128.store(${at}, ${value}, ${offset});`,
};

/** The step's function of b, c and d. */
function mix(step, b, c, d, { add, and, xor }) {
  if (step < 20) return xor(d, and(b, xor(c, d)));
  if (step < 40 || step >= 60) return xor(b, xor(c, d));
  return add(and(c, d), and(b, xor(c, d)));
}

/** The step's constant; for four lanes it is at hand in a variable. */
const constantOf = (step, dialect) =>
  dialect === FOUR ? "k" : `0x${ROUND_CONSTANTS[Math.floor(step / 20)].toString(16)}`;

/** One step forward; what waits for the newest value, a, comes last. */
function round(step, word, dialect) {
  const [a, b, c, d, e] = rolesAt(step);
  const { add, rotate } = dialect;
  const fixed = add(e, add(constantOf(step, dialect), word));
  return [`${e} = ${add(fixed, mix(step, b, c, d, dialect), rotate(a, 5))};`, `${b} = ${rotate(b, 30)};`];
}

/** The same step undone. */
function roundBack(step, word, dialect) {
  const [a, b, c, d, e] = rolesAt(step);
  const { add, rotate, subtract } = dialect;
  const added = add(add(constantOf(step, dialect), word), rotate(a, 5), mix(step, b, c, d, dialect));
  return [`${b} = ${rotate(b, 2)};`, `${e} = ${subtract(e, added)};`];
}

const loadState = (from, step, { type, load }) =>
  rolesAt(step).map((name, i) => `let ${name}: ${type} = ${load(from, 16 * i)};`);
const storeState = (to, step, { store }, offset = 0) =>
  rolesAt(step).map((name, i) => store(to, name, offset + 16 * i));

/** Brings the constant of a group of steps to hand where a step needs another than the one before it. */
const bringConstant = (step, before) =>
  before === undefined || Math.floor(step / 20) !== Math.floor(before / 20)
    ? [`k = v128.load(CONSTANTS, ${16 * Math.floor(step / 20)});`]
    : [];

/** The 80 rounds on messages that are expanded already; the state in mid-way goes to `checkpoints`. */
function rounds(dialect) {
  const lines = loadState("state", 0, dialect);
  for (let t = 0; t < 80; t++) {
    if (dialect === FOUR) lines.push(...bringConstant(t, t === 0 ? undefined : t - 1));
    const checkpoint = CHECKPOINTS.indexOf(t);
    if (checkpoint >= 0) {
      lines.push(...storeState("checkpoints", t, dialect, CHECKPOINT_BYTES * checkpoint));
    }
    lines.push(...round(t, dialect.load("schedule", 16 * t), dialect));
  }
  rolesAt(80).forEach((name, i) => {
    lines.push(dialect.store("state", dialect.add(dialect.load("state", 16 * i), name), 16 * i));
  });
  return lines;
}

/**
 * Leaves four times from the state at a checkpoint with another message: back to the chaining value that it would have
 * come from, and on to the one that it would have led to. Answers where that is `state`, a bit for each lane.
 */
function recompress(start) {
  const word = (t) => FOUR.load("schedule", 16 * t);
  const lines = loadState("checkpoint", start, FOUR);
  for (let t = start - 1; t >= 0; t--) {
    lines.push(...bringConstant(t, t === start - 1 ? undefined : t + 1), ...roundBack(t, word(t), FOUR));
  }
  rolesAt(0).forEach((name, i) => lines.push(`const from${i} = ${name};`));
  rolesAt(start).forEach((name, i) => lines.push(`${name} = ${FOUR.load("checkpoint", 16 * i)};`));
  for (let t = start; t < 80; t++) {
    lines.push(...bringConstant(t, t === start ? undefined : t - 1), ...round(t, word(t), FOUR));
  }
  const same = rolesAt(80).map(
    (name, i) => `i32x4.eq(${FOUR.add(`from${i}`, name)}, ${FOUR.load("state", 16 * i)})`,
  );
  lines.push(`return i32x4.bitmask(${same.reduce(FOUR.and)});`);
  return lines;
}

/** The AssemblyScript module "sha1-rounds". */
export function sha1Rounds() {
  const constants = ROUND_CONSTANTS.flatMap((word) => Array(4).fill(`0x${word.toString(16)}`));
  const routine = (head, lines) => `export function ${head} {\n  ${lines.join("\n  ")}\n}`;
  return [
    // From memory: as constants in the code, some engines make them anew in every round.
    `const CONSTANTS: usize = memory.data<u32>([${constants.join(", ")}], 16);`,
    routine("roundsOfFour(state: usize, schedule: usize, checkpoints: usize): void", [
      "let k: v128;",
      ...rounds(FOUR),
    ]),
    routine("roundsOfOne(state: usize, schedule: usize, checkpoints: usize): void", rounds(ONE)),
    ...CHECKPOINTS.map((start) =>
      routine(`recompress${start}(schedule: usize, checkpoint: usize, state: usize): u32`, [
        "let k: v128;",
        ...recompress(start),
      ]),
    ),
  ].join("\n");
}
