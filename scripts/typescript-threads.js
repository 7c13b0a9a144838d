/**
 * Lets the worker threads of tests run from the TypeScript sources: `--import` this file. Where Node strips types by
 * itself there is nothing to do.
 */
import { register } from "node:module";

if (!process.features.typescript) register("./typescript-loader.js", import.meta.url);
