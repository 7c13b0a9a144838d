/** A tree of elements: text, or elements by name, several of one name as a list. */
export type Xml = string | { readonly [name: string]: Xml | readonly Xml[] | undefined };

/** Writes a document as S3 does. */
export function toXml(root: string, content: Xml): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${element(root, content)}`;
}

function element(name: string, content: Xml): string {
  if (typeof content === "string") return `<${name}>${escaped(content)}</${name}>`;
  const inner = Object.entries(content).flatMap(([child, value]) =>
    value === undefined ? [] : [value].flat().map((each) => element(child, each)),
  );
  return `<${name}>${inner.join("")}</${name}>`;
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot" };

function escaped(text: string): string {
  return text.replace(/[&<>"\r]/g, (found) => (found === "\r" ? "&#13;" : `&${ENTITIES[found]};`));
}

/** The text of a document that has only the five named entities. */
export function unescaped(text: string): string {
  const named = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: keyof typeof named) => named[name]);
}
