/**
 * A process that works on an overlay until it is killed: it tells the number of each operation when that has returned.
 * Arguments: the overlay's folder, the seed of the operations.
 */
import fc from "fast-check";
import { BASE, operations } from "./operations.ts";
import { BaseObjects, OverlayFiles } from "./overlay-files.ts";
import { tell } from "./tell.ts";

const [folder = "", seed = "0"] = process.argv.slice(2);
const objects = new BaseObjects();
const files = new OverlayFiles(folder, objects, objects.add(BASE));
const [sequence = []] = fc.sample(fc.array(operations, { minLength: 4000, maxLength: 4000 }), {
  numRuns: 1,
  seed: Number(seed),
});
let number = 0;
for (const step of sequence) {
  await files.run(step);
  tell(`${++number}\n`);
  // Commits of the database are killed, too.
  if (number % 100 === 0) void files.store.flush();
  if (number % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
}
// Held until the signal comes.
setInterval(() => undefined, 1000);
