/** The server side of git's wire protocol in all its versions: fetches and pushes, streamed. */
export { ProtocolError, type ProtocolErrorCode, type ProtocolErrorDetail } from "./errors.ts";
export type {
  AdvertisedRef,
  ClientWords,
  DeepenRequest,
  HeadState,
  PackProgress,
  PackRequest,
  ReceivePackHost,
  ReceivePackPolicy,
  ReceiveProgress,
  ReceiveReport,
  ReceiveRequest,
  RefBatch,
  RefCommand,
  RefHost,
  RefLanding,
  RefLines,
  RefReport,
  RefRequest,
  ShallowUpdate,
  UploadPackHost,
  UploadPackPolicy,
} from "./host.ts";
export { type ProtocolVersion, parseProtocolVersion } from "./protocol-version.ts";
export { advertiseReceivePack } from "./receive-pack/advertise.ts";
export { openReceivePack, type ReceivePackSession } from "./receive-pack/open.ts";
export { serveReceivePack } from "./receive-pack/serve.ts";
export {
  AdvertiseOptions,
  type ConversationOptions,
  ReceivePackAdvertiseOptions,
  ReceivePackOptions,
  type ServiceOptions,
  UploadPackOptions,
} from "./schema.ts";
export type { ByteSource } from "./stream/abortable-source.ts";
export { type ChunkPool, createChunkPool } from "./stream/chunk-pool.ts";
export { advertiseUploadPack } from "./upload-pack/advertise.ts";
export type { AdvertisingHost } from "./upload-pack/capability.ts";
export { serveUploadPack } from "./upload-pack/serve.ts";
