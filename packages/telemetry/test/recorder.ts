import { type AnyEventMessage, type AnySpanMessage, subscribe, type Unsubscribe } from "../src/index.ts";

/** One call of a listener, with what the message said at that time. */
export interface Heard {
  readonly kind: "start" | "stop" | "error" | "event";
  readonly name: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly message: AnySpanMessage | AnyEventMessage;
}

/** Keeps everything a listener is told. */
export interface Recorder {
  readonly heard: Heard[];
  /** `kind name` of each call, in order. */
  readonly lines: () => string[];
  readonly unsubscribe: Unsubscribe;
}

export function record(): Recorder {
  const heard: Heard[] = [];
  const keep =
    (kind: Heard["kind"]) =>
    (message: AnySpanMessage | AnyEventMessage): void => {
      heard.push({
        kind,
        name: message.name,
        values: { ...message.metadata, ...message.measurements },
        message,
      });
    };
  const unsubscribe = subscribe({
    start: keep("start"),
    stop: keep("stop"),
    error: keep("error"),
    event: keep("event"),
  });
  return { heard, lines: () => heard.map(({ kind, name }) => `${kind} ${name}`), unsubscribe };
}
