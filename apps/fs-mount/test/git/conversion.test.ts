import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runSync } from "@millrace/git-lab";
import type { Oid } from "@millrace/pack";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { CheckoutTrees, nameRoot } from "../../src/filters/checkout-trees.ts";
import { detailOf, objectOf } from "../../src/filters/content-id.ts";
import { parseConversion } from "../../src/filters/conversion.ts";
import { convertPieces, convertWhole } from "../../src/filters/convert.ts";
import { keepInMemory } from "../../src/filters/kept-files.ts";
import { readSettings } from "../../src/filters/settings.ts";
import { walkForIndex } from "../../src/git-directory/walk-index.ts";
import { git, GIT_ENVIRONMENT } from "../support/repository.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const FORMATS = ["sha1", "sha256"] as const;

/** A repository whose head has these files, and configuration. */
function makeRepository(
  files: readonly (readonly [path: string, content: Uint8Array])[],
  config: readonly (readonly [key: string, value: string])[],
  format: (typeof FORMATS)[number],
): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-conversion-"));
  folders.push(folder);
  git(folder, ["init", "-q", "-b", "main", `--object-format=${format}`]);
  const stream: Uint8Array[] = [
    Buffer.from("commit refs/heads/main\ncommitter A <a@example.com> 1700000000 +0000\ndata 0\n\n"),
  ];
  for (const [path, content] of files) {
    stream.push(Buffer.from(`M 100644 inline ${path}\ndata ${content.length}\n`), content, Buffer.from("\n"));
  }
  git(folder, ["fast-import", "--quiet"], Buffer.concat(stream));
  for (const [key, value] of config) git(folder, ["config", key, value]);
  return folder;
}

/** What a checkout of git writes for each file; where it says that it could not convert something, too. */
function checkedOut(folder: string): void {
  const { stderr, status } = runSync("git", ["-C", folder, "checkout", "-q", "-f", "main"], {
    env: GIT_ENVIRONMENT,
  });
  if (status !== 0 && !stderr.includes("failed to encode")) throw new Error(stderr.toString());
}

async function converted(
  folder: string,
  lengths: readonly number[],
): Promise<Map<string, { bytes: Buffer; id: Oid }>> {
  const path = join(folder, ".git");
  const objects = new Map<Oid, Buffer>();
  const read = async (oid: Oid): Promise<Uint8Array> => {
    const known = objects.get(oid);
    if (known !== undefined) return known;
    const type = git(folder, ["cat-file", "-t", oid]);
    const { stdout } = runSync("git", ["-C", folder, "cat-file", type, oid], { env: GIT_ENVIRONMENT });
    objects.set(oid, stdout);
    return stdout;
  };
  const format = git(folder, ["rev-parse", "--show-object-format"]) as "sha1" | "sha256";
  const files = keepInMemory();
  const trees = new CheckoutTrees({ format, blob: read, files });
  const settings = await readSettings({ path, lfs: false, environment: GIT_ENVIRONMENT });
  const root = await nameRoot(git(folder, ["rev-parse", "main^{tree}"]), settings, files);
  const walked = await walkForIndex(root, format, (id) => trees.tree(id, read));
  const found = new Map<string, { bytes: Buffer; id: Oid }>();
  for (const { path: name, content: id } of walked.files) {
    const blob = await read(objectOf(id));
    const detail = detailOf(id);
    if (detail === undefined) {
      found.set(name, { bytes: Buffer.from(blob), id });
      continue;
    }
    const conversion = parseConversion(detail);
    const bytes = Buffer.from(convertWhole(blob, conversion, objectOf(id)));
    const pieces: Uint8Array[] = [];
    for await (const piece of convertPieces(() => cut(blob, lengths), conversion, objectOf(id)))
      pieces.push(piece);
    expect(Buffer.concat(pieces).equals(bytes), `${name} in pieces`).toBe(true);
    found.set(name, { bytes, id });
  }
  return found;
}

async function* cut(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length]!;
    yield bytes.slice(at, at + length);
    at += length;
  }
}

const part = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      "a",
      "line\n",
      "line\r\n",
      "\n",
      "\r\n",
      "\r",
      "é",
      "日本",
      "$",
      "$Id$",
      "Id",
      ":",
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "$Id: 0123 $",
      "$Id: a b $",
      "$Id:x$",
      "$Id: $",
      "$Id:\n$",
      "$$Id$",
      "$Id",
      "$Id$Id$",
      "$Id: x y$",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("\0", "\x1a", "\x07", "\x7f", "\t\f\b\x1b", "\ufeff", "x".repeat(300)),
  },
);
const content = fc.oneof(
  { weight: 8, arbitrary: fc.array(part, { maxLength: 8 }).map((parts) => Buffer.from(parts.join(""))) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
);
const attributes = fc
  .tuple(
    fc.constantFrom(
      "",
      "text",
      "-text",
      "text=auto",
      "!text",
      "binary",
      "crlf",
      "-crlf",
      "crlf=input",
      "text=what",
    ),
    fc.constantFrom("", "", "eol=crlf", "eol=lf", "eol=cr", "-eol"),
    fc.constantFrom("", "", "", "ident", "-ident", "ident=1"),
    fc.constantFrom(
      "",
      "",
      "",
      "",
      "working-tree-encoding=UTF-16",
      "working-tree-encoding=utf-16le-bom",
      "working-tree-encoding=UTF-16BE",
      "working-tree-encoding=UTF16LE",
      "working-tree-encoding=UTF-32",
      "working-tree-encoding=ISO-8859-1",
      "working-tree-encoding=utf8",
      "working-tree-encoding=SHIFT-JIS",
      "working-tree-encoding=no-such",
      "working-tree-encoding=UTF-16BE-BOM",
      "working-tree-encoding=UTF-32BE",
    ),
  )
  .map((each) => each.join(" "));
const config = fc
  .tuple(
    fc.constantFrom("", "true", "false", "input", "yes"),
    fc.constantFrom("", "lf", "crlf", "native", "CRLF"),
  )
  // git refuses these two together.
  .filter(([auto, eol]) => !(auto === "input" && eol.toLowerCase() === "crlf"))
  .map(([auto, eol]) => [
    ...(auto === "" ? [] : [["core.autocrlf", auto] as const]),
    ...(eol === "" ? [] : [["core.eol", eol] as const]),
  ]);

describe("files are what git checkout writes", () => {
  test("whatever attributes, contents and settings are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(attributes, content), { minLength: 30, maxLength: 40 }),
        config,
        fc.constantFrom(...FORMATS),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
        async (files, settings, format, lengths) => {
          const rules = files.map(([states], i) => `f${i} ${states}`).join("\n");
          const named = files.map(([, bytes], i) => [`f${i}`, bytes] as const);
          const folder = makeRepository(
            [[".gitattributes", Buffer.from(`* linguist-x\n${rules}\n`)], ...named],
            settings,
            format,
          );
          checkedOut(folder);
          const found = await converted(folder, lengths);
          for (const [i, [states]] of files.entries()) {
            const told = found.get(`f${i}`)!;
            const written = readFileSync(join(folder, `f${i}`));
            expect(told.bytes.toString("latin1"), `${states} ${JSON.stringify(settings)} ${told.id}`).toBe(
              written.toString("latin1"),
            );
          }
        },
      ),
      { numRuns: 25 },
    );
  }, 300_000);
});
