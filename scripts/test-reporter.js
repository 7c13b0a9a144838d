/**
 * Prints every skipped test with its reason and fails the run on a skip without one.
 * With MILLRACE_TEST_SUMMARY=FILE the counts are written there as JSON, for .ci/run to add up.
 */
import { writeFileSync } from "node:fs";

export default class SkipReasonReporter {
  onTestRunEnd(modules, errors) {
    const counts = { passed: 0, failed: errors.length, skipped: 0 };
    const reasonless = [];
    for (const module of modules) {
      if (module.errors().length > 0) counts.failed += 1;
      for (const test of module.children.allTests()) {
        const result = test.result();
        counts[result.state === "pending" ? "failed" : result.state] += 1;
        if (result.state !== "skipped") continue;
        const name = `${module.relativeModuleId} > ${test.fullName}`;
        console.log(`skipped: ${name}: ${result.note ?? "NO REASON GIVEN"}`);
        if (!result.note) reasonless.push(name);
      }
    }
    if (reasonless.length > 0) {
      console.error(`${reasonless.length} skipped without a reason: use ctx.skip("why")`);
      counts.failed += reasonless.length;
      process.exitCode = 1;
    }
    if (process.env.MILLRACE_TEST_SUMMARY) {
      writeFileSync(process.env.MILLRACE_TEST_SUMMARY, JSON.stringify(counts));
    }
  }
}
