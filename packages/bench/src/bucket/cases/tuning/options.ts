/** Options of the storage, as a store's address carries them. */
export type Options = Readonly<Record<string, number | string>>;

const MIB = 1024 * 1024;

export function queryOf(options: Options): string {
  const pairs = Object.entries(options).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

/** How a row tells of them. */
export function variantOf(options: Options): string {
  return Object.entries(options)
    .map(([name, value]) =>
      name.endsWith("Bytes") ? `${name} ${Number(value) / MIB} MiB` : `${name} ${value.toLocaleString("en")}`,
    )
    .join(", ");
}
