import fc from "fast-check";
import { expect, it } from "vitest";
import { type Queued, TaskQueue } from "./task-queue.ts";

interface Item extends Queued {
  readonly name: number;
}
const item = (name: number, priority: number): Item => ({ name, priority, order: 0, place: -1 });

it("gives the highest priority first, and among equals what took it first", () => {
  const queue = new TaskQueue<Item>();
  const items = [5, 9, 5, 1, 9].map((priority, name) => item(name, priority));
  for (const each of items) queue.push(each);
  queue.reprioritize(items[3]!, 9);
  queue.remove(items[2]!);
  queue.remove(items[2]!);
  const order: number[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) order.push(next.name);
  expect(order).toEqual([1, 4, 3, 0]);
});

it("is a sorted list, whatever is pushed, taken, removed and given another priority", () => {
  const step = fc.record({
    what: fc.constantFrom("push", "push", "shift", "remove", "reprioritize"),
    priority: fc.nat(5),
    which: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new TaskQueue<Item>();
      const model: Item[] = [];
      const insert = (each: Item): void => {
        const before = model.findIndex(({ priority }) => priority < each.priority);
        model.splice(before === -1 ? model.length : before, 0, each);
      };
      for (const [name, { what, priority, which }] of steps.entries()) {
        const known = model[which];
        if (what === "push") {
          const each = item(name, priority);
          queue.push(each);
          insert(each);
        } else if (what === "shift") {
          expect(queue.shift()).toBe(model.shift());
        } else if (known !== undefined) {
          model.splice(which, 1);
          if (what === "remove") queue.remove(known);
          else {
            queue.reprioritize(known, priority);
            insert(known);
          }
        }
        expect(queue.size).toBe(model.length);
        expect(queue.peek()).toBe(model[0]);
      }
      for (const each of model) expect(queue.shift()).toBe(each);
    }),
  );
});
