// The data plane to one server: frames out, frames in, in order.
//
// One thread may send while another one receives; otherwise one caller at a
// time, except Cancel, which any thread may call and which makes the others
// return CANCELLED from then on.
#ifndef HAWSER_CLIENT_DATA_PLANE_PARAMETER_CHANNEL_H_
#define HAWSER_CLIENT_DATA_PLANE_PARAMETER_CHANNEL_H_

#include <cstdint>
#include <functional>
#include <limits>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/wire/frame.h"

namespace hawser {

class ParameterChannel {
 public:
  virtual ~ParameterChannel() = default;

  // The steps the server has completed. UNAVAILABLE: it cannot be reached.
  // NOT_FOUND, FAILED_PRECONDITION: as GetProgress in the service.
  virtual absl::StatusOr<uint64_t> GetProgress(uint64_t job,
                                               uint64_t incarnation) = 0;

  // Sends one frame. The payload must stay unchanged until the server has
  // answered a later pull, or the channel is destroyed. UNAVAILABLE: the stream
  // has ended.
  virtual absl::Status Send(const FrameHeader& header,
                            absl::Span<const char> payload) = 0;

  // Receives one frame and shows it to `use` where it lies. DATA_LOSS: it is
  // damaged, nothing was shown. UNAVAILABLE: the stream has ended.
  virtual absl::Status Receive(
      absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)>
          use) = 0;

  // Where the payload of a frame that is about to be received is wanted; null:
  // anywhere. A channel that can receives it there, where it is in part, or
  // damaged, until Receive shows it; others do not ask. To be set while nothing
  // is being received.
  using Place = std::function<char*(const FrameHeader&)>;
  virtual void PlacePayloads(Place /*place*/) {}

  // False: the receiver reads this payload in the memory where it lies, and a
  // checksum of it is not looked at.
  virtual bool NeedsChecksum(absl::Span<const char> /*payload*/) const {
    return true;
  }

  // Where the blocks of a server have that many bytes, a second channel beside
  // this one makes them come and go sooner. The default: it never does.
  virtual uint64_t BytesForTwo() const {
    return std::numeric_limits<uint64_t>::max();
  }

  virtual void Cancel() = 0;
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_DATA_PLANE_PARAMETER_CHANNEL_H_
