import { currentSpan } from "./active-span.ts";
import { eventChannels } from "./channels.ts";
import type { EventName, Measurements, Metadata } from "./names.ts";

/** Tells observers that something happened, inside the span that is running if there is one. */
export function event<N extends EventName>(
  name: N,
  measurements: Measurements<N>,
  metadata: Metadata<N> = {},
): void {
  const channel = eventChannels[name];
  if (!channel.hasSubscribers) return;
  channel.publish({ name, parent: currentSpan.getStore(), measurements, metadata });
}
