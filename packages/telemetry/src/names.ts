import { type Definition, registry } from "./registry.ts";

type Registry = typeof registry;
type NameOf<K extends Definition["kind"]> = {
  [N in keyof Registry]: Registry[N]["kind"] extends K ? N : never;
}[keyof Registry];

/** The name of a span in the registry. */
export type SpanName = NameOf<"span">;
/** The name of an event in the registry. */
export type EventName = NameOf<"event">;
/** The name of anything in the registry. */
export type TelemetryName = SpanName | EventName;

/** The keys of the numbers that `N` carries. */
export type MeasurementKey<N extends TelemetryName> = keyof Registry[N]["measurements"] & string;
/** The keys of the words that `N` carries. */
export type MetadataKey<N extends TelemetryName> = keyof Registry[N]["metadata"] & string;
/** What a word may be. */
export type MetadataValue = string | number | boolean;

/** The numbers that `N` carries, as far as they are known; units are in the registry. */
export type Measurements<N extends TelemetryName> = {
  readonly [K in MeasurementKey<N>]?: number | undefined;
};
/** The words that `N` carries, as far as they are known. */
export type Metadata<N extends TelemetryName> = {
  readonly [K in MetadataKey<N>]?: MetadataValue | undefined;
};

/** The registry with plain string keys, for code that works on whatever name it is handed. */
export const definitions: Readonly<Record<TelemetryName, Definition>> = registry;

const namesOf = <K extends Definition["kind"]>(kind: K): NameOf<K>[] =>
  (Object.keys(registry) as TelemetryName[]).filter(
    (name): name is NameOf<K> => definitions[name].kind === kind,
  );

/** Every span's name, in the registry's order. */
export const spanNames: readonly SpanName[] = namesOf("span");
/** Every event's name, in the registry's order. */
export const eventNames: readonly EventName[] = namesOf("event");
