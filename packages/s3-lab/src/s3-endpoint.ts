/** Where an S3 server is and how to talk to it. */
export interface S3Endpoint {
  readonly name: string;
  readonly url: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}
