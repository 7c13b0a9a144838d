/** For test runs: the kernel is the one part of the packages that has no form which runs without being compiled. */
export { ensureKernel as setup } from "./build-kernel.js";
