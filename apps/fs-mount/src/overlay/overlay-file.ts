import type { Oid } from "@millrace/pack";
import type { OpenBlob } from "../hydrator/blobs.ts";
import type { BaseContents } from "../view/base-contents.ts";
import { readBlob } from "../view/read-blob.ts";
import { Refusal } from "../view/refusal.ts";
import type { Answer, OpenFile, Waiting } from "../view/view.ts";
import { whenHere } from "../view/wait.ts";
import type { OverlayStore } from "./overlay-store.ts";
import type { OverlayViewNode } from "./overlay-view-node.ts";

/** A file that is open: read where its content is at that moment, here or in its blob. */
export class OverlayFile implements OpenFile {
  readonly #store: OverlayStore;
  readonly #node: OverlayViewNode;
  readonly #contents: BaseContents;
  readonly #blobs = new Map<Oid, Answer<OpenBlob>>();
  #opened: { readonly oid: Oid; readonly blob: OpenBlob } | undefined;
  #isClosed = false;

  constructor(store: OverlayStore, node: OverlayViewNode, contents: BaseContents) {
    this.#store = store;
    this.#node = node;
    this.#contents = contents;
  }

  read(offset: number, sizeBytes: number, waiting?: Waiting): Answer<Uint8Array> {
    const { row, oid, content } = this.#node;
    if (content !== undefined) return content.subarray(offset, offset + sizeBytes);
    if (oid === undefined)
      return row === undefined ? new Uint8Array() : this.#store.contents.read(row, offset, sizeBytes);
    if (this.#opened?.oid === oid) return readBlob(this.#opened.blob, offset, sizeBytes, waiting);
    return whenHere(this.blob(oid, waiting), (blob) => readBlob(blob, offset, sizeBytes, waiting));
  }

  close(): void {
    this.#isClosed = true;
    for (const opening of this.#blobs.values()) {
      if (opening instanceof Promise) opening.then((blob) => blob.release()).catch(() => undefined);
      else opening.release();
    }
  }

  /** Opens a blob, once; it is released when the file is closed. @throws what the source throws; Refusal ESTALE after `close` */
  blob(oid: Oid, waiting?: Waiting): Answer<OpenBlob> {
    let opening = this.#blobs.get(oid);
    if (opening === undefined) {
      if (this.#isClosed) throw new Refusal("ESTALE");
      opening = this.#contents.open(oid, waiting);
      this.#blobs.set(oid, opening);
      // Another one may try again.
      if (opening instanceof Promise) opening.catch(() => this.#blobs.delete(oid));
    }
    return whenHere(opening, (blob) => {
      this.#opened = { oid, blob };
      return blob;
    });
  }
}
