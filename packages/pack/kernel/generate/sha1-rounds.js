/**
 * Writes the unrolled rounds of SHA-1 (FIPS 180-4, section 6.1) on one block, and its reverse: WebAssembly compilers do
 * not unroll loops, and variables that change their roles every round would otherwise be moved about.
 */

/** Constants of the four groups of 20 rounds. */
export const ROUND_CONSTANTS = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6];
/** Steps whose state is kept for detection. */
export const CHECKPOINTS = [58, 65];

const STATE = ["a", "b", "c", "d", "e"];

/** The names that stand for a..e at a step: they take turns instead of moving values. */
export function rolesAt(step) {
  return STATE.map((_, i) => STATE[(((i - step) % 5) + 5) % 5]);
}

function mix(step, b, c, d) {
  if (step < 20) return `(${d} ^ (${b} & (${c} ^ ${d})))`;
  if (step < 40 || step >= 60) return `(${b} ^ ${c} ^ ${d})`;
  return `((${b} & ${c}) | (${d} & (${b} | ${c})))`;
}

const constant = (step) => `0x${ROUND_CONSTANTS[Math.floor(step / 20)].toString(16)}`;

/** Word `step` of the expanded message, in variables that are used again every 16 steps. */
function schedule(step) {
  const w = (t) => `w${t % 16}`;
  return `${w(step)} = rotl<u32>(${w(step)} ^ ${w(step + 2)} ^ ${w(step + 8)} ^ ${w(step + 13)}, 1);`;
}

function round(step, word) {
  const [a, b, c, d, e] = rolesAt(step);
  return [
    `${e} += rotl<u32>(${a}, 5) + ${mix(step, b, c, d)} + ${constant(step)} + ${word};`,
    `${b} = rotl<u32>(${b}, 30);`,
  ];
}

function roundBack(step, word) {
  const [a, b, c, d, e] = rolesAt(step);
  return [
    `${b} = rotl<u32>(${b}, 2);`,
    `${e} -= rotl<u32>(${a}, 5) + ${mix(step, b, c, d)} + ${constant(step)} + ${word};`,
  ];
}

const storeState = (target, step) =>
  rolesAt(step).map((name, i) => `store<u32>(${target}, ${name}, ${4 * i});`);
const loadState = (source, step) =>
  rolesAt(step).map((name, i) => `let ${name}: u32 = load<u32>(${source}, ${4 * i});`);

/** One block into the state at `state`. With `tracked`, the expanded message and the checkpoints are kept too. */
function compress(tracked) {
  const lines = loadState("state", 0);
  for (let t = 0; t < 16; t++) lines.push(`let w${t}: u32 = bswap<u32>(load<u32>(block, ${4 * t}));`);
  for (let t = 0; t < 80; t++) {
    if (t >= 16) lines.push(schedule(t));
    const checkpoint = CHECKPOINTS.indexOf(t);
    if (tracked && checkpoint >= 0) lines.push(...storeState(`checkpoints + ${32 * checkpoint}`, t));
    if (tracked) lines.push(`store<u32>(schedule, w${t % 16}, ${4 * t});`);
    lines.push(...round(t, `w${t % 16}`));
  }
  rolesAt(80).forEach((name, i) =>
    lines.push(`store<u32>(state, load<u32>(state, ${4 * i}) + ${name}, ${4 * i});`),
  );
  return lines;
}

/**
 * Leaves from the state at a checkpoint with another message, back to the chaining value it would have come from and
 * on to the one it would have led to; the latter goes to `result`.
 */
function recompress(start) {
  const word = (t) => `(load<u32>(schedule, ${4 * t}) ^ load<u32>(differences, ${4 * t}))`;
  const lines = loadState("checkpoint", start);
  for (let t = start - 1; t >= 0; t--) lines.push(...roundBack(t, word(t)));
  lines.push(...storeState("result", 0));
  rolesAt(start).forEach((name, i) => lines.push(`${name} = load<u32>(checkpoint, ${4 * i});`));
  for (let t = start; t < 80; t++) lines.push(...round(t, word(t)));
  rolesAt(80).forEach((name, i) =>
    lines.push(`store<u32>(result, load<u32>(result, ${4 * i}) + ${name}, ${4 * i});`),
  );
  return lines;
}

const routine = (head, lines) => `export function ${head}: void {\n  ${lines.join("\n  ")}\n}\n`;

/** The AssemblyScript module "sha1-rounds". */
export function sha1Rounds() {
  return [
    routine("compress(state: usize, block: usize)", compress(false)),
    routine(
      "compressTracked(state: usize, block: usize, schedule: usize, checkpoints: usize)",
      compress(true),
    ),
    ...CHECKPOINTS.map((start) =>
      routine(
        `recompress${start}(checkpoint: usize, schedule: usize, differences: usize, result: usize)`,
        recompress(start),
      ),
    ),
  ].join("\n");
}
