/** The client side of git's wire protocol, version 2: refs, fetches and pushes over HTTP, SSH, commands and directories. */
export { ProtocolError, type ProtocolErrorCode, type ProtocolErrorDetail } from "../errors.ts";
export { openTransport, parseAddress, type RepositoryAddress, type TransportUser } from "./address.ts";
export type { RemoteCapabilities } from "./capabilities.ts";
export {
  basicCredential,
  bearerCredential,
  callbackCredential,
  Credential,
  type CredentialHeaders,
  type CredentialHelper,
  headerCredential,
  hostCredentials,
  redactUrl,
} from "./credential.ts";
export type { FetchAnswer } from "./fetch.ts";
export type { FetchRequest } from "./fetch-request.ts";
export { openHttpTransport } from "./http/http-transport.ts";
export { HttpTransportOptions } from "./http/schema.ts";
export type { RefsQuery, RemoteRef } from "./ls-refs.ts";
export { type Negotiator, tellAll } from "./negotiator.ts";
export type { Push, PushRequest, RefUpdate } from "./push.ts";
export type { PushAdvertisement } from "./push-advertisement.ts";
export type { PushedRef, PushReport } from "./push-report.ts";
export { gitCredentials } from "./user-git/git-credentials.ts";
export { type CallOptions, openRemote, type Remote } from "./remote.ts";
export { RemoteOptions } from "./schema.ts";
export {
  openCommandTransport,
  openDirectoryTransport,
  type ServiceCommand,
} from "./stream/command-transport.ts";
export { StreamTransportOptions } from "./stream/schema.ts";
export type {
  Answer,
  Conversation,
  GitService,
  GitTransport,
  OpenOptions,
  RequestBody,
} from "./transport.ts";
