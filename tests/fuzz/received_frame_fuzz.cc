// A frame out of a gRPC message whose slices are cut anywhere.
#include "common/crc32c.h"
#include "common/wire/grpc_frame.h"
#include "tests/fuzz/input.h"

namespace {

grpc::ByteBuffer Message(const std::string& bytes, uint32_t seed) {
  const hawser::fuzz::Pieces pieces(bytes, seed);
  std::vector<grpc::Slice> slices;
  for (const absl::Span<const char> piece : pieces.pieces()) {
    slices.emplace_back(piece.data(), piece.size());
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hawser;
  fuzz::Input input(data, size);
  const uint32_t seed = input.Number(2);
  std::string bytes = input.Rest();
  if ((seed & 1) != 0 && bytes.size() >= kFrameHeaderBytes) {
    // A frame that holds, of these bytes as its payload.
    FrameHeader header;
    header.clock = seed;
    header.payload_bytes = static_cast<uint32_t>(bytes.size());
    header.payload_crc32c = Crc32c(bytes.data(), bytes.size());
    const FrameHeaderBytes sealed = EncodeFrameHeader(header);
    bytes.insert(0, sealed.data(), sealed.size());
  }
  ReceivedFrame cut, whole;
  const absl::Status status = cut.Parse(Message(bytes, seed));
  HAWSER_FUZZ_CHECK(whole.Parse(Message(bytes, 0)).code() == status.code());
  HAWSER_FUZZ_CHECK(status.ok() || absl::IsDataLoss(status));
  if (!status.ok()) return 0;
  std::string payload;
  for (const absl::Span<const char> piece : cut.pieces()) {
    payload.append(piece.data(), piece.size());
  }
  HAWSER_FUZZ_CHECK(payload == bytes.substr(kFrameHeaderBytes));
  return 0;
}
