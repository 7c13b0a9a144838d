import { event, span, subscribe } from "@millrace/telemetry";

/** Commits something that needs a second try, and tells what an observer heard. */
export async function observe(): Promise<string[]> {
  const heard: string[] = [];
  const unsubscribe = subscribe({
    stop: ({ name, durationMs, measurements }) =>
      void heard.push(
        `${name} took ${durationMs === undefined ? "?" : "some"} ms: ${JSON.stringify(measurements)}`,
      ),
    error: ({ name, error }) => void heard.push(`${name} failed: ${String(error)}`),
    event: ({ name, parent }) => void heard.push(`${name} inside ${parent?.name}`),
  });
  try {
    await span("storage.commit", { backend: "fs", atomic: true }, async (commit) => {
      event("storage.retry", { attempt: 1, delay_ms: 5 }, { backend: "fs", operation: "lock_ref" });
      await new Promise((resolve) => setTimeout(resolve, 5));
      commit.set("ref_count", 2);
      commit.set("outcome", "committed");
    });
    return heard;
  } finally {
    unsubscribe();
  }
}
