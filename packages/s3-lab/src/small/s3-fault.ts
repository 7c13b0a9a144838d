/** An answer that is a refusal, as S3 words it. */
export class S3Fault extends Error {
  override readonly name = "S3Fault";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string = code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** What is asked for and what this server leaves out is told, and never passed over. */
export function notImplemented(what: string): S3Fault {
  return new S3Fault(501, "NotImplemented", `this server knows no ${what}`);
}

export function preconditionFailed(): S3Fault {
  return new S3Fault(412, "PreconditionFailed");
}
