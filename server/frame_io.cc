#include "server/frame_io.h"

#include <string>

#include "common/crc32c.h"

namespace hawser {

OutgoingFrame ErrorFrame(const FrameHeader& about, const absl::Status& status) {
  auto message = std::make_shared<const std::string>(status.message());
  FrameHeader header = about;
  header.kind = FrameKind::kError;
  header.flags = static_cast<uint16_t>(status.code());
  header.payload_bytes = static_cast<uint32_t>(message->size());
  header.payload_crc32c = Crc32c(message->data(), message->size());
  const absl::Span<const char> payload(*message);
  return {EncodeFrameHeader(header), std::move(message), payload};
}

}  // namespace hawser
