/** Where an S3 server is and how to talk to it. */
export interface S3Endpoint {
  readonly name: string;
  readonly url: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The keys and the region as a process is told of them that talks to the server; not the address, which may be a proxy's. */
export function environmentOf({ region, accessKeyId, secretAccessKey }: S3Endpoint): Record<string, string> {
  return {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    // The AWS SDK warns of Node versions that it will leave behind.
    NODE_NO_WARNINGS: "1",
  };
}
