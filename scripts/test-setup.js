/**
 * Property tests draw the same cases in every run, so that a change is judged and not luck. MILLRACE_SEED=<number>
 * explores others; a failing run prints its seed.
 */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env.MILLRACE_SEED ?? 20_261_120) });
