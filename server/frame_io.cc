#include "server/frame_io.h"

#include <string>

#include "absl/strings/str_cat.h"
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

absl::Status StaleIncarnation(uint64_t got, uint64_t current) {
  return absl::FailedPreconditionError(
      absl::StrCat("stale incarnation ", got, ", the job is at ", current));
}

}  // namespace hawser
