import { createHash } from "node:crypto";
import { hashObject, type ObjectFormat, type Oid, oidFromBytes, PackError, walkTree } from "@millrace/pack";
import { MountError } from "../errors.ts";
import type { TreeContent } from "../view/view.ts";
import { type AttributeFrame, AttributeStack } from "./attribute-stack.ts";
import { type AttributesFile, MAX_ATTRIBUTES_BYTES, parseAttributes } from "./attributes-file.ts";
import { contentId, detailOf, formatScope, objectOf, parseScope, type ScopeFile } from "./content-id.ts";
import { canConvert, conversionOf, formatConversion } from "./conversion.ts";
import type { ContentStore } from "./kept-files.ts";
import { CheckoutSettings, NO_SETTINGS } from "./settings.ts";

/** What trees are read with. */
export interface CheckoutTreesOptions {
  readonly format: ObjectFormat;
  /** The content of a blob. Throws MOUNT_BLOB_TOO_LARGE. */
  readonly blob: (oid: Oid, maxBytes: number) => Promise<Uint8Array>;
  /** Where attributes files and settings are kept that ids name: with the server or without, an id goes on to mean the same. */
  readonly files: ContentStore;
}

const NAME = ".gitattributes";
const NEEDLE = Buffer.from(`${NAME}\0`);
const NOTHING: AttributesFile = { lines: [], isOfPaths: false };
/** Files that are remembered. */
const MAX_LOADED = 1000;

/** What one of a scope's files says. */
interface Loaded {
  readonly from: ScopeFile;
  readonly below: readonly AttributesFile[];
  readonly above: AttributesFile;
  readonly settings: CheckoutSettings | undefined;
}

/** What the root of a tree is to be called, with the settings of the user, which are kept. Throws what the disk says. */
export async function nameRoot(
  tree: Oid,
  settings: CheckoutSettings | undefined,
  files: ContentStore,
): Promise<Oid> {
  if (settings === undefined) return contentId(tree, formatScope({ isRoot: true, files: [] })!);
  const text = JSON.stringify(settings);
  const id = createHash("sha256").update(text).digest("hex").slice(0, 32);
  await files.put(id, Buffer.from(text));
  const scope: ScopeFile[] = [{ id, kind: "settings", path: undefined }];
  return contentId(tree, formatScope({ isRoot: true, files: scope })!);
}

/** Whether a root of this name shows its objects, and all below it until another attributes file comes. */
export function showsObjects(root: Oid, content: Uint8Array): boolean {
  const isWithoutSettings = parseScope(detailOf(root)).files.length === 0;
  return (
    isWithoutSettings && !Buffer.from(content.buffer, content.byteOffset, content.byteLength).includes(NEEDLE)
  );
}

/**
 * Reads trees as a checkout sees them: each file by the content that is written for it (`content-id.ts`). Where no attributes file
 * and no setting speaks of a directory, that costs one look for a name in its tree.
 */
export class CheckoutTrees {
  readonly #options: CheckoutTreesOptions;
  readonly #loaded = new Map<string, Promise<Loaded>>();

  constructor(options: CheckoutTreesOptions) {
    this.#options = options;
  }

  /**
   * The content of a tree by its id, with those of its entries. Throws what reading throws, and MOUNT_BAD_STATE.
   * @param read reads a tree
   */
  async tree(id: Oid, read: (oid: Oid) => Promise<Uint8Array>): Promise<TreeContent> {
    const content = await read(objectOf(id));
    const scope = parseScope(detailOf(id));
    const own = this.#findAttributes(content);
    if (own === undefined && scope.files.length === 0) return { content };
    const files = [...scope.files];
    if (own !== undefined) files.push({ id: own, kind: scope.isRoot ? "root" : "below", path: undefined });
    const loaded = await Promise.all(files.map((file) => this.#load(file)));
    const ids = this.#idsOf(
      content,
      loaded.filter(({ below, settings }) => settings !== undefined || below[0]!.lines.length > 0),
    );
    return ids.size === 0 ? { content } : { content, ids };
  }

  #idsOf(content: Uint8Array, loaded: readonly Loaded[]): Map<string, Oid> {
    const { format } = this.#options;
    const { settings = NO_SETTINGS } = loaded[0] ?? {};
    const stack = new AttributeStack(framesOf(loaded));
    const converts = canConvert(settings) || loaded.some(asksToConvert);
    const ids = new Map<string, Oid>();
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    walkTree(content, format, (mode, oidStart, nameStart, nameEnd) => {
      const type = mode & 0o170000;
      if (type !== 0o040000 && !(converts && type === 0o100000)) return;
      const name = bytes.toString("latin1", nameStart, nameEnd);
      let detail: string | undefined;
      if (type === 0o040000) {
        const files = loaded.map((file) => fromBelow(file, name));
        detail = formatScope({ isRoot: false, files });
      } else {
        const conversion = conversionOf(stack.of(name), settings);
        detail = conversion && formatConversion(conversion);
      }
      if (detail !== undefined) ids.set(name, contentId(oidFromBytes(content, oidStart, format), detail));
    });
    return ids;
  }

  /** The attributes file of a tree: a plain file, since git follows no links there. */
  #findAttributes(content: Uint8Array): Oid | undefined {
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    if (!bytes.includes(NEEDLE)) return undefined;
    const { format } = this.#options;
    let found: Oid | undefined;
    try {
      walkTree(content, format, (mode, oidStart, nameStart, nameEnd) => {
        if ((mode & 0o170000) !== 0o100000 || bytes.toString("latin1", nameStart, nameEnd) !== NAME) return;
        found = oidFromBytes(content, oidStart, format);
      });
    } catch (error) {
      // Whoever reads the entries says what is wrong with it.
      if (!(error instanceof PackError)) throw error;
      return undefined;
    }
    return found;
  }

  async #load(file: ScopeFile): Promise<Loaded> {
    const key = `${file.kind} ${file.id}`;
    let loading = this.#loaded.get(key);
    if (loading === undefined) {
      loading = file.kind === "settings" ? this.#readSettings(file) : this.#readBlob(file);
      this.#loaded.set(key, loading);
      loading.catch(() => this.#loaded.delete(key));
      if (this.#loaded.size > MAX_LOADED) this.#loaded.delete(this.#loaded.keys().next().value!);
    }
    return { ...(await loading), from: file };
  }

  async #readSettings(file: ScopeFile): Promise<Loaded> {
    const content = await this.#options.files.get(file.id);
    const parsed = CheckoutSettings.safeParse(content && tryJson(content.toString()));
    if (!parsed.success)
      throw new MountError("MOUNT_BAD_STATE", `settings ${file.id} of a checkout are gone or damaged`);
    const settings = parsed.data;
    const parse = (text: string): AttributesFile => parseAttributes(text, { canDefine: true });
    return { from: file, below: settings.below.map(parse), above: parse(settings.above), settings };
  }

  async #readBlob(file: ScopeFile): Promise<Loaded> {
    const { files, blob, format } = this.#options;
    let content: Uint8Array | undefined = await files.get(file.id);
    if (content !== undefined && oidFromBytes(hashObject(format, "blob", content), 0, format) !== file.id)
      content = undefined;
    if (content === undefined) {
      try {
        content = await blob(file.id, MAX_ATTRIBUTES_BYTES - 1);
      } catch (error) {
        if ((error as { readonly code?: unknown }).code !== "MOUNT_BLOB_TOO_LARGE") throw error;
        content = new Uint8Array();
      }
      await files.put(file.id, content);
    }
    const text = Buffer.from(content).toString("latin1");
    const parsed = parseAttributes(text, { canDefine: file.kind === "root" });
    return { from: file, below: [parsed], above: NOTHING, settings: undefined };
  }
}

function framesOf(loaded: readonly Loaded[]): AttributeFrame[] {
  const frame =
    (path: string | undefined) =>
    (file: AttributesFile): AttributeFrame => ({ file, path: path ?? "" });
  return [
    ...loaded.flatMap(({ from, below }) => below.map(frame(from.path))),
    ...loaded.map(({ from, above }) => frame(from.path)(above)),
  ];
}

function fromBelow({ from, below, above }: Loaded, name: string): ScopeFile {
  const isOfPaths = above.isOfPaths || below.some((file) => file.isOfPaths);
  return { ...from, path: isOfPaths ? `${from.path ?? ""}${name}/` : undefined };
}

/** Whether some line asks for what is not done without. */
function asksToConvert({ below, above }: Loaded): boolean {
  return [...below, above].some(({ lines }) =>
    lines.some(({ states }) =>
      states.some(
        ([name, state]) =>
          (name === "eol" && state === "crlf") ||
          (name === "ident" && state === true) ||
          (name === "working-tree-encoding" && typeof state === "string"),
      ),
    ),
  );
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
