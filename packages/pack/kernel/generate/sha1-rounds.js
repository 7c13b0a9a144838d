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
const rolesAt = (step, names = STATE) => names.map((_, i) => names[(((i - step) % 5) + 5) % 5]);
const roundConstant = (step) => `0x${ROUND_CONSTANTS[Math.floor(step / 20)].toString(16)}`;
const routine = (head, lines) => `export function ${head}: void {\n  ${lines.join("\n  ")}\n}\n`;

/** How the same computation is spelled for one lane and for four. */
const ONE = {
  type: "u32",
  add: (...terms) => terms.reduce((sum, term) => `(${sum} + ${term})`),
  and: (x, y) => `(${x} & ${y})`,
  xor: (x, y) => `(${x} ^ ${y})`,
  rotate: (x, count) => `rotl<u32>(${x}, ${count})`,
  load: (at, offset) => `load<u32>(${at}, ${offset})`,
  store: (at, value, offset) => `store<u32>(${at}, ${value}, ${offset});`,
};
const FOUR = {
  type: "v128",
  add: (...terms) => terms.reduce((sum, term) => `i32x4.add(${sum}, ${term})`),
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

/** One step forward; what waits for the newest value, a, comes last. */
function round(step, word, dialect, names = STATE) {
  const [a, b, c, d, e] = rolesAt(step, names);
  const { add, rotate } = dialect;
  const constant = dialect === FOUR ? "k" : roundConstant(step);
  return [
    `${e} = ${add(add(e, add(constant, word)), mix(step, b, c, d, dialect), rotate(a, 5))};`,
    `${b} = ${rotate(b, 30)};`,
  ];
}

function roundBack(step, word) {
  const [a, b, c, d, e] = rolesAt(step);
  return [
    `${b} = rotl<u32>(${b}, 2);`,
    `${e} -= rotl<u32>(${a}, 5) + ${mix(step, b, c, d, ONE)} + ${roundConstant(step)} + ${word};`,
  ];
}

const loadState = (from, step, { type, load }) =>
  rolesAt(step).map((name, i) => `let ${name}: ${type} = ${load(from, 16 * i)};`);
const storeState = (to, step, { store }, offset = 0) =>
  rolesAt(step).map((name, i) => store(to, name, offset + 16 * i));
const addState = (to, { add, load, store }) =>
  rolesAt(80).map((name, i) => store(to, add(load(to, 16 * i), name), 16 * i));

/** The 80 rounds on messages that are expanded already; the state in mid-way goes to `checkpoints`. */
function rounds(dialect) {
  const lines = loadState("state", 0, dialect);
  if (dialect === FOUR) lines.push("let k: v128;");
  for (let t = 0; t < 80; t++) {
    if (dialect === FOUR && t % 20 === 0) lines.push(`k = i32x4.splat(${roundConstant(t)});`);
    const checkpoint = CHECKPOINTS.indexOf(t);
    if (checkpoint >= 0) {
      lines.push(...storeState("checkpoints", t, dialect, CHECKPOINT_BYTES * checkpoint));
    }
    lines.push(...round(t, dialect.load("schedule", 16 * t), dialect));
  }
  return [...lines, ...addState("state", dialect)];
}

/**
 * Leaves from the state at a checkpoint with another message: back to the chaining value that it would have come from,
 * and on to the one that it would have led to, which goes to `result`. The two ways take turns, as neither waits for
 * the other.
 */
function recompress(start) {
  const word = (t) => `(load<u32>(schedule, ${16 * t}) ^ load<u32>(differences, ${4 * t}))`;
  const onward = STATE.map((name) => `${name}2`);
  const checkpoint = `checkpoints + ${CHECKPOINT_BYTES * CHECKPOINTS.indexOf(start)}`;
  const lines = loadState(checkpoint, start, ONE);
  rolesAt(start).forEach((name) => lines.push(`let ${name}2: u32 = ${name};`));
  for (let i = 0; i < start; i++) {
    lines.push(...roundBack(start - 1 - i, word(start - 1 - i)));
    if (start + i < 80) lines.push(...round(start + i, word(start + i), ONE, onward));
  }
  const ends = rolesAt(80, onward);
  rolesAt(0).forEach((name, i) => lines.push(ONE.store("result", ONE.add(name, ends[i]), 16 * i)));
  return lines;
}

/** The AssemblyScript module "sha1-rounds". */
export function sha1Rounds() {
  return [
    routine("roundsOfFour(state: usize, schedule: usize, checkpoints: usize)", rounds(FOUR)),
    routine("roundsOfOne(state: usize, schedule: usize, checkpoints: usize)", rounds(ONE)),
    ...CHECKPOINTS.map((start) =>
      routine(
        `recompress${start}(checkpoints: usize, schedule: usize, differences: usize, result: usize)`,
        recompress(start),
      ),
    ),
  ].join("\n");
}
