/**
 * Prints every skipped test with its reason and fails the run on a skip without one.
 * With MILLRACE_TEST_SUMMARY=FILE the counts, and what failed, are written there as JSON, for .ci/run to add up
 * and to tell once more at its end.
 */
import { writeFileSync } from "node:fs";
import { tellLeftOut } from "./heavy-tests.ts";

/** What is told of a failure: where, and the first lines of each error. */
const LINES_OF_AN_ERROR = 6;

/** @param {string} name @param {readonly { message?: string, stack?: string }[]} errors */
function told(name, errors) {
  const lines = errors.flatMap((error) => {
    const [place = ""] = (error.stack ?? "").match(/at .*\.(?:test\.)?ts:\d+:\d+/u) ?? [];
    return [
      ...(error.message ?? "an error without a message").split("\n").slice(0, LINES_OF_AN_ERROR),
      place,
    ];
  });
  return [name, ...lines.filter(Boolean).map((line) => `  ${line}`)].join("\n");
}

export default class SkipReasonReporter {
  onTestRunEnd(modules, errors) {
    const counts = { passed: 0, failed: errors.length, skipped: 0 };
    const reasonless = [];
    const failures = errors.length === 0 ? [] : [told("outside of any test", errors)];
    for (const module of modules) {
      if (module.errors().length > 0) {
        counts.failed += 1;
        failures.push(told(`${module.project.name}: ${module.relativeModuleId}`, module.errors()));
      }
      for (const test of module.children.allTests()) {
        const result = test.result();
        counts[result.state === "pending" ? "failed" : result.state] += 1;
        const name = `${module.project.name}: ${module.relativeModuleId} > ${test.fullName}`;
        if (result.state === "failed") failures.push(told(name, result.errors ?? []));
        if (result.state !== "skipped") continue;
        console.log(`skipped: ${name}: ${result.note ?? "NO REASON GIVEN"}`);
        if (!result.note) reasonless.push(name);
      }
    }
    for (const line of tellLeftOut()) console.log(`skipped: ${line}`);
    if (reasonless.length > 0) {
      console.error(`${reasonless.length} skipped without a reason: use ctx.skip("why")`);
      counts.failed += reasonless.length;
      process.exitCode = 1;
    }
    if (process.env.MILLRACE_TEST_SUMMARY) {
      writeFileSync(process.env.MILLRACE_TEST_SUMMARY, JSON.stringify({ ...counts, failures }));
    }
  }
}
