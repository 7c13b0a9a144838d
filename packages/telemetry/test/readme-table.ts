import { definitions, eventNames, spanNames, type TelemetryName } from "../src/names.ts";

/** The README's table of spans and events, from the registry. */
export function readmeTable(): string {
  const cells = (values: readonly string[]): string => values.join("<br>") || "–";
  const row = (name: TelemetryName): string => {
    const { kind, description, measurements, metadata } = definitions[name];
    const numbers = Object.entries(measurements).map(
      ([key, { unit, description }]) => `\`${key}\` (${unit}): ${description}`,
    );
    const words = Object.entries(metadata).map(
      ([key, { bounded, description }]) => `\`${key}\`${bounded ? "" : " (no label)"}: ${description}`,
    );
    return `| \`${name}\` | ${kind} | ${description} | ${cells(numbers)} | ${cells(words)} |`;
  };
  return [
    "| name | kind | what it tells | measurements (unit) | metadata |",
    "|---|---|---|---|---|",
    ...[...spanNames, ...eventNames].map(row),
  ].join("\n");
}

/** `readme` with the table between its two markers replaced by the current one. */
export function withCurrentTable(readme: string): string {
  return readme.replace(
    /(<!-- registry -->\n)[^]*?(<!-- \/registry -->)/,
    (_, open: string, close: string) => `${open}\n${readmeTable()}\n\n${close}`,
  );
}
