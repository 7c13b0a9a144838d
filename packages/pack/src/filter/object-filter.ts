import type { ObjectType } from "../schema.ts";

/** Which objects a partial clone leaves out (git-rev-list, `--filter`). */
export type ObjectFilter =
  | { readonly kind: "blob:none" }
  /** Blobs of so many bytes and more stay out. */
  | { readonly kind: "blob:limit"; readonly bytes: number }
  /** Trees and blobs so deep or deeper below a root tree stay out; the root tree has depth 0. */
  | { readonly kind: "tree"; readonly depth: number }
  /** Only objects of this type. */
  | { readonly kind: "object:type"; readonly type: ObjectType }
  /** Blobs that the sparse-checkout patterns in this blob do not match stay out. */
  | { readonly kind: "sparse:oid"; readonly blob: string }
  /** What any of these leaves out stays out. */
  | { readonly kind: "combine"; readonly filters: readonly ObjectFilter[] };
