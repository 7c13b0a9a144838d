/** What a span costs: nobody observing (bound: 50 ns), and one listener that does nothing. */
import { bench, do_not_optimize, run, summary } from "mitata";
import { event, span, spanNames, streamSpan, subscribe } from "../src/index.ts";

let n = 0;

async function* numbers(): AsyncGenerator<number> {
  for (let i = 0; i < 1000; i += 1) yield i;
}

const syncSpan = (): number =>
  span("storage.list_refs", { backend: "memory" }, (handle) => {
    handle.set("ref_count", n);
    return ++n;
  });
let turn = 0;
const rotatingSpan = (): number =>
  span(spanNames[(turn = (turn + 1) % spanNames.length)] ?? "pack.index", {}, () => ++n);
const asyncSpan = (): Promise<number> => span("storage.commit", { backend: "memory" }, async () => ++n);
const emit = (): void => event("storage.retry", { attempt: 1 }, { backend: "memory" });
const drain = async (): Promise<void> => {
  for await (const i of streamSpan("storage.list_refs", {}, () => numbers())) do_not_optimize(i);
};

summary(() => {
  bench("function call alone", () => do_not_optimize(++n));
  bench("span, sync, unobserved", () => do_not_optimize(syncSpan()));
  bench("span, sync, unobserved, any name", () => do_not_optimize(rotatingSpan()));
  bench("event, unobserved", () => do_not_optimize(emit()));
});
summary(() => {
  bench("async function alone", async () => do_not_optimize(await (async () => ++n)()));
  bench("span, async, unobserved", async () => do_not_optimize(await asyncSpan()));
  bench("streamSpan of 1000, unobserved", drain);
});
await run();

const unsubscribe = subscribe({ start() {}, stop() {}, error() {}, event() {} });
bench("span, sync, observed", () => do_not_optimize(syncSpan()));
bench("span, async, observed", async () => do_not_optimize(await asyncSpan()));
bench("event, observed", () => do_not_optimize(emit()));
bench("streamSpan of 1000, observed", drain);
await run();
unsubscribe();
bench("span, sync, no longer observed, any name", () => do_not_optimize(rotatingSpan()));
await run();
