/** S3 servers that tests run against, and a proxy that makes faults. */
export { demandServer, findServer, type Skippable } from "./find-server.ts";
export { type Fault, type FaultPlan, type FaultProxy, openFaultProxy } from "./fault-proxy.ts";
export type { LabServer } from "./lab.ts";
export { type LoggedRequest, longestChain } from "./request-log.ts";
export { environmentOf, type S3Endpoint } from "./s3-endpoint.ts";
export { createBucket, type TestBucket } from "./test-bucket.ts";
