/**
 * The compiled kernel. This file stays at the top of `src`, so that the path is right from there and from the bundles
 * at the top of `dist` alike.
 */
export const KERNEL_FILE: URL = new URL("../dist/kernel.wasm", import.meta.url);
