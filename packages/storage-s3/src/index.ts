/** Git repositories in an S3 bucket: immutable files and one compare-and-swapped manifest each. */
export { type BucketFlags, bucketOptions, openBucketStore, StoreAddress } from "./open-bucket.ts";
export { openInBucket, type OpenInBucket, type OpenInBucketOptions } from "./open-in-bucket.ts";
export { openS3Storage } from "./s3-storage.ts";
export { type BucketFindings, clearPrefix, examineBucket } from "./bucket/examine-bucket.ts";
export { s3Capabilities } from "./s3-capabilities.ts";
export { bareCapabilities } from "./bare/bare-capabilities.ts";
export { type S3BucketOptions, type S3Credentials, S3Layout, S3StorageOptions } from "./schema.ts";
