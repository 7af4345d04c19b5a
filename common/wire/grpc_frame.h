// Frames as gRPC carries them: one message a frame, as raw slices.
#ifndef HAWSER_COMMON_WIRE_GRPC_FRAME_H_
#define HAWSER_COMMON_WIRE_GRPC_FRAME_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/wire/frame.h"
#include "grpcpp/support/byte_buffer.h"

namespace hawser {

// The largest message of the data plane.
inline constexpr int kMaxMessageBytes =
    static_cast<int>(kFrameHeaderBytes + kMaxPayloadBytes);

// A message of the header and the payload, which is not copied: `owner` is kept
// until gRPC is done with it.
grpc::ByteBuffer MakeMessage(const FrameHeaderBytes& header,
                             std::shared_ptr<const void> owner,
                             absl::Span<const char> payload);

// As above, but the caller keeps the payload unchanged until the peer has
// answered (the stream is ordered, so an answer means that it was received).
grpc::ByteBuffer MakeMessageOfBorrowed(const FrameHeaderBytes& header,
                                       absl::Span<const char> payload);

// A message taken apart where it lies. Reused from message to message.
class ReceivedFrame {
 public:
  // Takes the message's slices. DATA_LOSS: damaged or foreign; the checksums of
  // header and payload are checked here.
  absl::Status Parse(const grpc::ByteBuffer& message);

  // Of the last message parsed; valid until the next.
  const FrameHeader& header() const { return header_; }
  PayloadPieces pieces() const { return pieces_; }

 private:
  std::vector<grpc::Slice> slices_;
  FrameHeader header_;
  std::vector<absl::Span<const char>> pieces_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_WIRE_GRPC_FRAME_H_
