/** The same servers for programs that are no tests. */
export { type FaultProxy, openFaultProxy } from "./fault-proxy.ts";
export { openLab } from "./lab.ts";
export { longestChain } from "./request-log.ts";
export type { S3Endpoint } from "./s3-endpoint.ts";
export { createBucket, type TestBucket } from "./test-bucket.ts";
