#include "common/wire/grpc_frame.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/status_macros.h"

namespace hawser {
namespace {

grpc::ByteBuffer Message(const FrameHeaderBytes& header, grpc::Slice payload) {
  const grpc::Slice slices[2] = {grpc::Slice(header.data(), header.size()),
                                 std::move(payload)};
  return grpc::ByteBuffer(slices, slices[1].size() == 0 ? 1 : 2);
}

}  // namespace

grpc::ByteBuffer MakeMessage(const FrameHeaderBytes& header,
                             std::shared_ptr<const void> owner,
                             absl::Span<const char> payload) {
  if (payload.empty()) return Message(header, grpc::Slice());
  auto* kept = new std::shared_ptr<const void>(std::move(owner));
  grpc::Slice slice(
      const_cast<char*>(payload.data()), payload.size(),
      [](void* kept) {
        delete static_cast<std::shared_ptr<const void>*>(kept);
      },
      kept);
  return Message(header, std::move(slice));
}

grpc::ByteBuffer MakeMessageOfBorrowed(const FrameHeaderBytes& header,
                                       absl::Span<const char> payload) {
  if (payload.empty()) return Message(header, grpc::Slice());
  return Message(header, grpc::Slice(payload.data(), payload.size(),
                                     grpc::Slice::STATIC_SLICE));
}

absl::Status ReceivedFrame::Parse(const grpc::ByteBuffer& message) {
  slices_.clear();
  pieces_.clear();
  if (!message.Dump(&slices_).ok()) {
    return absl::DataLossError("a message that cannot be read");
  }
  FrameHeaderBytes bytes;
  size_t filled = 0;
  for (const grpc::Slice& slice : slices_) {
    absl::Span<const char> piece(reinterpret_cast<const char*>(slice.begin()),
                                 slice.size());
    const size_t taken = std::min(bytes.size() - filled, piece.size());
    std::memcpy(bytes.data() + filled, piece.data(), taken);
    filled += taken;
    piece.remove_prefix(taken);
    if (!piece.empty()) pieces_.push_back(piece);
  }
  if (filled < bytes.size()) {
    return absl::DataLossError("a message shorter than a frame header");
  }
  ASSIGN_OR_RETURN(header_, DecodeFrameHeader(bytes));
  return CheckPayload(header_, pieces_);
}

}  // namespace hawser
