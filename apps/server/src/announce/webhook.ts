import { createHmac } from "node:crypto";
import type { PushEvent, Tell } from "./courier.ts";

export interface WebhookOptions {
  /** Where pushes are posted to. */
  readonly url: string;
  /** Signs what is posted. */
  readonly secret?: string | undefined;
  /** How long an answer may take, in milliseconds. Default 10 seconds. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Posts each push as JSON. `X-Millrace-Delivery` is the same where one is posted again; with a secret,
 * `X-Millrace-Signature-256` is `sha256=` and the HMAC of the body in hex. Any answer but 2xx is a failure.
 */
export function createWebhook({ url, secret, timeoutMs = 10_000 }: WebhookOptions): Tell {
  return async (event) => {
    const body = JSON.stringify(bodyOf(event));
    const signature =
      secret === undefined ? undefined : createHmac("sha256", secret).update(body).digest("hex");
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-Millrace-Event": "push",
        "X-Millrace-Delivery": event.id,
        ...(signature === undefined ? {} : { "X-Millrace-Signature-256": `sha256=${signature}` }),
      },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    if (!response.ok)
      throw new Error(`${new URL(url).origin} answered ${response.status} to a push of ${event.repository}`);
  };
}

/** What is posted: the repository, and its refs with what they were and are. */
function bodyOf({ repository, refs, refCount }: PushEvent): Record<string, unknown> {
  return { event: "push", repository, refs, refCount };
}
