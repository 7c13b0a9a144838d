/** pkt-line frames and sideband multiplexing, any chunking in, views out. */
export { createPktDecoder, type PktDecoder } from "./decoder.ts";
export { DELIM, encodePkt, errorPkt, FLUSH, pktLine, RESPONSE_END, writeLength } from "./encode.ts";
export { PktlineError, type PktlineErrorCode, type PktlineErrorDetail } from "./errors.ts";
export { type ControlPkt, type DataPkt, errorPktText, type PktLine, pktText } from "./packet.ts";
export { createPktReader, type PktReader } from "./reader.ts";
export {
  DemuxOptions,
  MAX_PACKET_BYTES,
  MAX_PAYLOAD_BYTES,
  MuxOptions,
  PktDecoderOptions,
  PktReaderOptions,
  SIDEBAND_64K_DATA_BYTES,
  SIDEBAND_DATA_BYTES,
  SidebandWriterOptions,
} from "./schema.ts";
export {
  createSidebandDecoder,
  readSideband,
  type SidebandDecoder,
  type SidebandEvent,
} from "./sideband/decoder.ts";
export { demuxSideband } from "./sideband/demux.ts";
export { type Band, keepAlivePacket, sidebandPackets } from "./sideband/frame.ts";
export { openPacketRoom, type PacketRoom } from "./sideband/packet-room.ts";
export { muxSideband } from "./sideband/mux.ts";
export { createProgressQueue, type ProgressQueue } from "./sideband/progress-queue.ts";
export { createSidebandWriter, type SidebandWriter } from "./sideband/writer.ts";
