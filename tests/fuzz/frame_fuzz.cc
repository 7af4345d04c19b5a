// Frame headers and the checks of payloads. The header's checksum is made right
// for half of the inputs, so that what it covers is reached.
#include <cstring>

#include "common/crc32c.h"
#include "common/wire/float_pieces.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hawser;
  fuzz::Input input(data, size);
  const uint32_t seed = input.Number(1);
  std::string rest = input.Rest();
  if (rest.size() < kFrameHeaderBytes) return 0;
  constexpr size_t kSealed = kFrameHeaderBytes - sizeof(uint32_t);
  std::string payload = rest.substr(kFrameHeaderBytes);
  if ((seed & 1) != 0) {
    const auto length = static_cast<uint32_t>(payload.size());
    const uint32_t payload_crc = Crc32c(payload.data(), payload.size());
    std::memcpy(rest.data() + 96, &length, sizeof(length));
    std::memcpy(rest.data() + 100, &payload_crc, sizeof(payload_crc));
    const uint32_t crc = Crc32c(rest.data(), kSealed);
    std::memcpy(rest.data() + kSealed, &crc, sizeof(crc));
  }
  FrameHeaderBytes bytes;
  std::memcpy(bytes.data(), rest.data(), bytes.size());
  const auto header = DecodeFrameHeader(bytes);
  if (!header.ok()) {
    HAWSER_FUZZ_CHECK(absl::IsDataLoss(header.status()));
    return 0;
  }
  HAWSER_FUZZ_CHECK(header->payload_bytes <= kMaxPayloadBytes);
  HAWSER_FUZZ_CHECK(EncodeFrameHeader(*header) == bytes);
  const fuzz::Pieces cut(payload, seed);
  const fuzz::Pieces whole(payload, 0);
  const bool is_whole = CheckPayload(*header, whole.pieces()).ok();
  HAWSER_FUZZ_CHECK(CheckPayload(*header, cut.pieces()).ok() == is_whole);
  HAWSER_FUZZ_CHECK(is_whole || (seed & 1) == 0);
  std::string shown;
  ForEachFloatRun(cut.pieces(), [&](int64_t first, const char* run, int64_t n) {
    HAWSER_FUZZ_CHECK(static_cast<size_t>(first) * 4 == shown.size());
    shown.append(run, static_cast<size_t>(n) * 4);
  });
  HAWSER_FUZZ_CHECK(shown == payload.substr(0, payload.size() / 4 * 4));
  return 0;
}
