#include "common/wire/frame.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"

namespace hawser {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the wire format is little-endian and written as it lies");

constexpr uint32_t kMagic = std::bit_cast<uint32_t>(kFrameMagic);
constexpr uint16_t kVersion = 2;

// The header as it lies on the wire. Every field is naturally aligned.
struct WireHeader {
  uint32_t magic;
  uint16_t version;
  uint16_t kind;
  uint64_t job;
  uint64_t incarnation;
  uint64_t node;
  uint64_t clock;
  uint32_t block;
  uint32_t tree_level;
  uint32_t tree_index;
  uint16_t codec;
  uint16_t flags;
  int64_t loss_nanonats;
  int64_t correct;
  int64_t samples;
  uint64_t position;
  uint64_t updates;
  uint32_t payload_bytes;
  uint32_t payload_crc32c;
  uint32_t run;
  uint32_t header_crc32c;  // of all bytes before it
};
static_assert(sizeof(WireHeader) == kFrameHeaderBytes);

constexpr size_t kSealedBytes = kFrameHeaderBytes - sizeof(uint32_t);

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("damaged or foreign frame: ", what));
}

}  // namespace

FrameHeaderBytes EncodeFrameHeader(const FrameHeader& header) {
  WireHeader wire = {};
  wire.magic = kMagic;
  wire.version = kVersion;
  wire.kind = static_cast<uint16_t>(header.kind);
  wire.job = header.job;
  wire.incarnation = header.incarnation;
  wire.node = header.node;
  wire.clock = header.clock;
  wire.block = header.block;
  wire.tree_level = header.tree_node.level;
  wire.tree_index = header.tree_node.index;
  wire.codec = static_cast<uint16_t>(header.codec);
  wire.flags = header.flags;
  wire.loss_nanonats = header.sums.loss_nanonats;
  wire.correct = header.sums.correct;
  wire.samples = header.sums.samples;
  wire.position = header.position;
  wire.updates = header.updates;
  wire.run = header.run;
  wire.payload_bytes = header.payload_bytes;
  wire.payload_crc32c = header.payload_crc32c;
  wire.header_crc32c = Crc32c(&wire, kSealedBytes);
  return std::bit_cast<FrameHeaderBytes>(wire);
}

absl::StatusOr<FrameHeader> DecodeFrameHeader(const FrameHeaderBytes& bytes) {
  const auto wire = std::bit_cast<WireHeader>(bytes);
  if (wire.magic != kMagic) return Damaged("wrong magic");
  if (wire.version != kVersion) {
    return Damaged(absl::StrCat("version ", wire.version, ", this is ",
                                kVersion, "; run one version everywhere"));
  }
  if (wire.header_crc32c != Crc32c(&wire, kSealedBytes)) {
    return Damaged("header checksum");
  }
  if (wire.kind < 1 || wire.kind > 17) return Damaged("unknown kind");
  if (wire.codec > kMaxCodecId) return Damaged("unknown codec");
  if (wire.payload_bytes > kMaxPayloadBytes) return Damaged("payload length");
  FrameHeader header;
  header.kind = static_cast<FrameKind>(wire.kind);
  header.codec = static_cast<CodecId>(wire.codec);
  header.flags = wire.flags;
  header.job = wire.job;
  header.incarnation = wire.incarnation;
  header.node = wire.node;
  header.clock = wire.clock;
  header.block = wire.block;
  header.tree_node = {wire.tree_level, wire.tree_index};
  header.sums = {wire.loss_nanonats, wire.correct, wire.samples};
  header.position = wire.position;
  header.updates = wire.updates;
  header.run = wire.run;
  header.payload_bytes = wire.payload_bytes;
  header.payload_crc32c = wire.payload_crc32c;
  return header;
}

absl::Status CheckPayload(const FrameHeader& header, PayloadPieces pieces) {
  size_t bytes = 0;
  for (const absl::Span<const char> piece : pieces) bytes += piece.size();
  if (bytes != header.payload_bytes) {
    return Damaged(absl::StrCat("payload of ", bytes,
                                " bytes, the header says ",
                                header.payload_bytes));
  }
  uint32_t crc = 0;
  for (const absl::Span<const char> piece : pieces) {
    crc = Crc32cExtend(crc, piece.data(), piece.size());
  }
  if (crc != header.payload_crc32c) return Damaged("payload checksum");
  return absl::OkStatus();
}

}  // namespace hawser
