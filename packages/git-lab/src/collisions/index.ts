/** Published collisions of SHA-1, and how they become ones of git's objects. */
export { type Collision, SHAMBLES, SHATTERED } from "./published.ts";
export { headerlessFlags, hashWithoutHeaders } from "./without-headers.ts";
