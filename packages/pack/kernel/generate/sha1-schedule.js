/** Writes the expansion of four message blocks side by side (FIPS 180-4, section 6.1.2, step 1). */

const word = (t) => `w${t % 16}`;
const quarter = (one, two, lanes) => `v128.shuffle<i32>(${one}, ${two}, ${lanes})`;

/** Loads the sixteen words of four blocks: four words of each at a time, turned from rows into columns. */
function loadBlocks() {
  const lines = [];
  for (let t = 0; t < 16; t += 4) {
    for (let lane = 0; lane < 4; lane++) lines.push(`x${lane} = v128.load(block${lane}, ${4 * t});`);
    lines.push(`y0 = ${quarter("x0", "x1", "0, 4, 1, 5")};`, `y1 = ${quarter("x2", "x3", "0, 4, 1, 5")};`);
    lines.push(`y2 = ${quarter("x0", "x1", "2, 6, 3, 7")};`, `y3 = ${quarter("x2", "x3", "2, 6, 3, 7")};`);
    for (let i = 0; i < 4; i++) {
      const column = quarter(`y${i & 2}`, `y${(i & 2) + 1}`, i % 2 === 0 ? "0, 1, 4, 5" : "2, 3, 6, 7");
      lines.push(`${word(t + i)} = i8x16.swizzle(${column}, bigEndian);`, store(t + i));
    }
  }
  return lines;
}

const store = (t) => `v128.store(schedule, ${word(t)}, ${16 * t});`;

function expandWord(t) {
  const x = `v128.xor(v128.xor(${word(t)}, ${word(t + 2)}), v128.xor(${word(t + 8)}, ${word(t + 13)}))`;
  return [
    `x0 = ${x};`,
    `${word(t)} = v128.or(i32x4.add(x0, x0), i32x4.shr_u(x0, 31));`,
    // Stored as it is made, so that the compiler does not keep all of them waiting.
    store(t),
  ];
}

/** The AssemblyScript module "sha1-schedule". */
export function sha1Schedule() {
  const names = [...Array(16).keys()].map(word);
  const lines = [...loadBlocks(), ...[...Array(64).keys()].flatMap((i) => expandWord(16 + i))];
  return `
const BIG_ENDIAN: usize = memory.data<u8>([3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12], 16);

export function expand(block0: usize, block1: usize, block2: usize, block3: usize, schedule: usize): void {
  const bigEndian = v128.load(BIG_ENDIAN);
  let x0: v128, x1: v128, x2: v128, x3: v128, y0: v128, y1: v128, y2: v128, y3: v128;
  let ${names.map((name) => `${name}: v128`).join(", ")};
  ${lines.join("\n  ")}
}
`;
}
